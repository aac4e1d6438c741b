"""Functions of PostgreSQL and its usual extensions that only compute: nothing is changed, no file,
network or other session is reached, no text is run as SQL, and none reads a table named by a text.

A test compares the names with `pg_proc` of a real server: each is immutable or stable there, or listed
in that test with the reason why it may be called all the same.
"""

from typing import Final

from yett.validation.kinds.sql.names import words

_AGGREGATES: Final = """
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every
    json_agg json_agg_strict json_arrayagg json_object_agg json_object_agg_strict json_object_agg_unique
    json_object_agg_unique_strict json_objectagg jsonb_agg jsonb_agg_strict jsonb_object_agg
    jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict max min mode
    percentile_cont percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy regr_count
    regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg
    sum var_pop var_samp variance xmlagg
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
"""
_NUMBERS: Final = """
    abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh
    cot cotd degrees div erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod pi
    pow power radians random random_normal round scale sign sin sind sinh sqrt tan tand tanh to_hex to_bin
    to_oct trim_scale trunc width_bucket num_nonnulls num_nulls bit_count get_bit get_byte set_bit
    set_byte crc32 crc32c
"""
_TEXTS: Final = """
    ascii bit_length btrim casefold char_length character_length chr concat concat_ws convert
    convert_from convert_to decode encode format initcap is_normalized left length like_escape lower
    lpad ltrim md5 normalize octet_length overlay parse_ident position quote_ident quote_literal
    quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim
    sha224 sha256 sha384 sha512 similar_escape similar_to_escape split_part starts_with string_to_array
    string_to_table strpos substr substring to_ascii to_char to_date to_number to_timestamp translate
    trim unicode_assigned unistr upper xmlcomment xmlconcat xmlelement xmlexists xmlforest xmlparse xpath
    xpath_exists xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document
"""
_TIMES: Final = """
    age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days
    justify_hours justify_interval localtime localtimestamp make_date make_interval make_time
    make_timestamp make_timestamptz now overlaps statement_timestamp timeofday timezone
    transaction_timestamp uuid_extract_timestamp uuid_extract_version
"""
_STRUCTURES: Final = """
    array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle
    array_sort array_to_json array_to_string array_upper cardinality generate_series generate_subscripts
    trim_array unnest
    json_array json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_exists json_extract_path json_extract_path_text
    json_object json_object_keys json_populate_record json_populate_recordset json_query json_scalar
    json_serialize json_strip_nulls json_table json_to_record json_to_recordset json_typeof json_value
    jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
    jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert
    jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match
    jsonb_path_match_tz jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz
    jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
    jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record
    jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb
    daterange datemultirange int4range int4multirange int8range int8multirange numrange nummultirange
    tsrange tsmultirange tstzrange tstzmultirange multirange isempty lower_inc lower_inf upper_inc
    upper_inf range_merge enum_first enum_last enum_range
    area box bound_box center circle diagonal diameter height isclosed isopen ishorizontal isparallel
    isperp isvertical length line lseg npoints path pclose point polygon popen radius slope width
    abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen
    macaddr8_set7bit
"""
_SEARCH: Final = """
    array_to_tsvector get_current_ts_config json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery
    plainto_tsquery querytree setweight strip to_tsquery to_tsvector ts_delete ts_filter ts_headline
    ts_lexize ts_rank ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery
    similarity word_similarity strict_word_similarity show_trgm unaccent soundex difference levenshtein
    levenshtein_less_equal metaphone dmetaphone dmetaphone_alt daitch_mokotoff
    cosine_distance inner_product l1_distance l2_distance hamming_distance jaccard_distance l2_norm
    l2_normalize vector_dims vector_norm subvector binary_quantize
    akeys avals skeys svals each exist defined hstore hstore_to_array hstore_to_json hstore_to_jsonb
    slice nlevel subltree subpath lca ltree2text text2ltree index digest hmac
    earth_distance ll_to_earth earth_box cube cube_distance latitude longitude
    time_bucket time_bucket_gapfill locf interpolate first last histogram approx_percentile
"""
_GEOGRAPHY: Final = """
    st_area st_asbinary st_asewkt st_asgeojson st_asgml st_askml st_asmvt st_asmvtgeom st_astext st_azimuth
    st_boundary st_buffer st_centroid st_closestpoint st_clusterdbscan st_clusterkmeans st_collect
    st_contains st_convexhull st_coveredby st_covers st_crosses st_difference st_dimension st_disjoint
    st_distance st_distancesphere st_distancespheroid st_dwithin st_endpoint st_envelope st_equals
    st_expand st_extent st_flipcoordinates st_force2d st_geogfromtext st_geohash st_geometryn
    st_geometrytype st_geomfromewkt st_geomfromgeojson st_geomfromtext st_geomfromwkb st_hexagongrid
    st_interpolatepoint st_intersection st_intersects st_isempty st_issimple st_isvalid st_isvalidreason
    st_length st_lengthspheroid st_linefromtext st_lineinterpolatepoint st_linelocatepoint
    st_linesubstring st_m st_makeenvelope st_makeline st_makepoint st_makepolygon st_makevalid
    st_maxdistance st_multi st_npoints st_numgeometries st_numpoints st_overlaps st_perimeter st_point
    st_pointfromtext st_pointn st_pointonsurface st_polygon st_project st_relate st_reverse
    st_segmentize st_setsrid st_simplify st_simplifypreservetopology st_snaptogrid st_squaregrid st_srid
    st_startpoint st_subdivide st_symdifference st_tileenvelope st_touches st_transform st_translate
    st_union st_unaryunion st_voronoipolygons st_within st_x st_xmax st_xmin st_y st_ymax st_ymin st_z
    postgis_full_version postgis_version
"""
_CATALOGUE: Final = """
    _pg_expandarray aclexplode col_description current_catalog current_database current_query
    current_role current_schema current_schemas current_user format_type getdatabaseencoding
    has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege
    has_schema_privilege has_sequence_privilege has_table_privilege has_type_privilege inet_client_addr
    inet_server_addr inet_server_port mxid_age obj_description oidvectortypes pg_backend_pid
    pg_blocking_pids pg_char_to_encoding pg_client_encoding pg_collation_for pg_collation_is_visible
    pg_column_compression pg_column_size pg_current_snapshot pg_current_wal_lsn
    pg_current_xact_id_if_assigned pg_database_size pg_describe_object pg_encoding_to_char
    pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_function_arg_default
    pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
    pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partition_constraintdef pg_get_partkeydef
    pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid
    pg_get_viewdef pg_has_role pg_identify_object pg_index_column_has_property pg_index_has_property
    pg_indexes_size pg_is_in_recovery pg_is_other_temp_schema pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_my_temp_schema pg_opclass_is_visible
    pg_operator_is_visible pg_partition_ancestors pg_partition_root pg_partition_tree
    pg_postmaster_start_time pg_conf_load_time pg_relation_size pg_sequence_last_value
    pg_sequence_parameters pg_size_bytes pg_size_pretty pg_stat_get_dead_tuples pg_stat_get_live_tuples
    pg_stat_get_numscans pg_stat_get_tuples_deleted pg_stat_get_tuples_inserted
    pg_stat_get_tuples_updated pg_table_is_visible pg_table_size pg_tablespace_location
    pg_tablespace_size pg_total_relation_size pg_trigger_depth pg_type_is_visible pg_typeof
    pg_wal_lsn_diff row_security_active session_user shobj_description to_regclass to_regcollation
    to_regnamespace to_regoper to_regproc to_regprocedure to_regrole to_regtype to_regtypemod
    txid_current_if_assigned txid_current_snapshot version currval lastval
    has_foreign_data_wrapper_privilege has_language_privilege has_parameter_privilege
    has_server_privilege has_tablespace_privilege inet_client_port pg_available_extension_versions
    pg_available_extensions pg_collation_actual_version pg_column_is_updatable pg_conversion_is_visible
    pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_filenode_relation pg_get_catalog_foreign_keys
    pg_get_function_sqlbody pg_get_object_address pg_get_publication_tables
    pg_get_replica_identity_index pg_get_replication_slots pg_get_statisticsobjdef_columns
    pg_get_statisticsobjdef_expressions pg_get_wal_replay_pause_state pg_identify_object_as_address
    pg_indexam_has_property pg_is_wal_replay_paused pg_jit_available pg_lock_status
    pg_notification_queue_usage pg_opfamily_is_visible pg_options_to_table pg_prepared_xact
    pg_relation_filenode pg_relation_filepath pg_relation_is_publishable pg_relation_is_updatable
    pg_safe_snapshot_blocking_pids pg_settings_get_flags pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin
    pg_stat_get_activity pg_stat_get_backend_activity pg_stat_get_backend_idset pg_stat_get_backend_pid
    pg_stat_get_backend_start pg_stat_get_backend_userid pg_stat_get_blocks_fetched
    pg_stat_get_blocks_hit pg_stat_get_db_conflict_all pg_stat_get_db_deadlocks
    pg_stat_get_db_numbackends pg_stat_get_db_stat_reset_time pg_stat_get_db_tuples_fetched
    pg_stat_get_db_tuples_returned pg_stat_get_db_xact_commit pg_stat_get_db_xact_rollback
    pg_stat_get_last_analyze_time pg_stat_get_last_autoanalyze_time pg_stat_get_last_autovacuum_time
    pg_stat_get_last_vacuum_time pg_stat_get_mod_since_analyze pg_stat_get_progress_info
    pg_stat_get_snapshot_timestamp pg_stat_get_tuples_fetched pg_stat_get_tuples_hot_updated
    pg_stat_get_tuples_returned pg_stat_get_wal_senders pg_stat_statements pg_stat_statements_info
    pg_statistics_obj_is_visible pg_tablespace_databases pg_timezone_abbrevs pg_timezone_names
    pg_ts_config_is_visible pg_ts_dict_is_visible pg_visible_in_snapshot pg_walfile_name
    pg_xact_commit_timestamp to_regoperator ts_debug ts_parse ts_token_type hypopg_list_indexes
    gen_random_uuid uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v4 uuid_generate_v5 uuid_nil uuid_ns_dns
    uuid_ns_url
"""
# A type's name with one argument in parentheses is a cast.
_CASTS: Final = """
    bit bool box bpchar char cidr date float4 float8 inet int2 int4 int8 interval json jsonb macaddr
    macaddr8 money name numeric oid regclass text time timestamp timestamptz timetz tsquery tsvector uuid
    varbit varchar xml
"""

FUNCTIONS: Final = words(
    f"{_AGGREGATES} {_NUMBERS} {_TEXTS} {_TIMES} {_STRUCTURES} {_SEARCH} {_GEOGRAPHY} {_CATALOGUE} {_CASTS}"
)

WRITE_FUNCTIONS: Final = FUNCTIONS | {"nextval", "setval"}
