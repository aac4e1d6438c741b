"""Functions of other databases that only compute: nothing is changed, no file, network or other session
is reached, and no text is run as SQL. By the name that is sent, in lower case."""

from typing import Final

from yett.validation.kinds.sql.names import words

_EVERYWHERE: Final = """
    abs acos any_value ascii asin atan atan2 avg bit_and bit_count bit_length bit_or bit_xor cast ceil ceiling
    char char_length character_length chr coalesce concat concat_ws convert corr cos cot count covar_pop
    covar_samp cume_dist current_catalog current_database current_date current_role current_schema
    current_time current_timestamp current_user date date_add date_diff date_format date_part date_sub
    date_trunc dateadd datediff datepart datetime day dayname dayofmonth dayofweek dayofyear dense_rank
    degrees exp extract first_value floor format from_unixtime greatest group_concat grouping grouping_id
    hash hex hour if iff ifnull iif initcap instr isnull json_array json_arrayagg json_extract
    json_extract_scalar json_length json_object json_objectagg json_query json_type json_valid json_value lag
    last_day last_value lcase lead least left len length listagg ln localtime localtimestamp locate log log10
    log2 lower lpad ltrim max md5 median microsecond mid min minute mod mode month monthname months_between now
    nth_value ntile nullif nvl nvl2 octet_length percent_rank percentile_cont percentile_disc pi position pow
    power quarter radians rand random rank regexp_contains regexp_count regexp_extract regexp_extract_all
    regexp_instr regexp_like regexp_matches regexp_replace regexp_substr regr_avgx regr_avgy regr_count
    regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right round
    row_number rpad rtrim second session_user sha sha1 sha2 sha256 sha512 sign sin sinh split split_part
    sqrt std stddev stddev_pop stddev_samp str_to_date strftime string_agg strpos struct substr substring
    substring_index sum tan tanh time timestamp timestampadd timestampdiff to_char to_date to_json to_number
    to_timestamp translate trim trunc truncate try_cast typeof ucase unhex unix_timestamp unnest upper user
    uuid var_pop var_samp variance version week weekday weekofyear width_bucket year
    approx_count_distinct approx_distinct array_agg array_concat array_contains array_length array_size
    array_to_string bool_and bool_or contains count_if countif endswith ends_with startswith starts_with
    generate_series logical_and logical_or cosh acosh asinh atanh cbrt coth csch sech factorial isinf isnan lcm gcd
    levenshtein json_each json_tree json_group_array json_group_object json_table soundex sequence exists
"""
_MYSQL: Final = """
    against adddate addtime bin bin_to_uuid charset coercibility collation compress conv connection_id convert_tz crc32
    curdate curtime database date_format elt export_set field find_in_set format_bytes found_rows from_base64
    from_days geomfromtext get_format inet6_aton inet6_ntoa inet_aton inet_ntoa insert interval is_ipv4
    is_ipv6 is_uuid isnull json_array_append json_array_insert json_contains json_contains_path json_depth
    json_insert json_keys json_merge_patch json_merge_preserve json_overlaps json_pretty json_quote json_remove
    json_replace json_schema_valid json_search json_set json_storage_size json_unquote json_detailed
    json_compact json_loose json_exists make_set makedate maketime match name_const
    oct ord period_add period_diff quote regexp_like row_count schema sec_to_time sha1 space st_area
    st_asgeojson st_astext st_contains st_distance st_distance_sphere st_geomfromtext st_intersects
    st_within st_x st_y strcmp subdate subtime system_user sysdate time_format time_to_sec timediff to_base64
    to_days to_seconds uncompress uncompressed_length unhex utc_date utc_time utc_timestamp uuid_short
    uuid_to_bin validate_password_strength values weight_string yearweek json_value point mbrcontains
    bit_xor nvl sformat to_char any_value dayname
"""
_SQLITE: Final = """
    changes glob json match json_array_length json_error_position json_insert json_patch json_quote json_remove
    json_replace json_set jsonb jsonb_array jsonb_each jsonb_extract jsonb_group_array jsonb_group_object
    jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree julianday
    last_insert_rowid like likelihood likely unlikely printf quote randomblob sqlite_compileoption_get
    sqlite_compileoption_used sqlite_source_id sqlite_version timediff total total_changes unicode unistr
    unistr_quote unixepoch zeroblob bm25 highlight snippet matchinfo offsets subtype octet_length
    pragma_table_info pragma_table_xinfo pragma_table_list pragma_index_list pragma_index_info
    pragma_index_xinfo pragma_foreign_key_list pragma_database_list pragma_collation_list
    pragma_compile_options pragma_function_list string_agg concat if
"""
_MSSQL: Final = """
    app_name applock_mode atn2 binary_checksum charindex checksum checksum_agg choose col_length col_name columnproperty
    compress count_big current_timezone databasepropertyex datalength date_bucket datefromparts datename
    datetime2fromparts datetimefromparts datetimeoffsetfromparts datetrunc db_id db_name decompress
    difference eomonth error_message error_number formatmessage generate_series getdate getutcdate
    has_perms_by_name hashbytes host_name index_col indexproperty is_member is_rolemember isdate isjson
    isnumeric json_modify json_path_exists nchar newid object_definition object_id object_name
    object_schema_name objectproperty openjson original_login parse parsename patindex quotename replicate
    rowcount_big schema_id schema_name scope_identity serverproperty session_context smalldatetimefromparts
    space square stat_date stdev stdevp str string_escape string_split stuff suser_name suser_sname
    switchoffset sysdatetime sysdatetimeoffset sysutcdatetime system_user timefromparts todatetimeoffset
    trigger_nestlevel try_convert try_parse type_id type_name typeproperty unicode user_id user_name var
    varp ident_current ident_incr ident_seed squeeze approx_percentile_cont approx_percentile_disc least
"""
_ORACLE: Final = """
    add_months asciistr bitand cardinality chartorowid cluster_id collect compose current_timestamp dbtimezone
    decode decompose dump empty_blob empty_clob from_tz hextoraw json_dataguide json_exists
    json_mergepatch json_scalar json_serialize json_transform lengthb lnnvl localtimestamp nanvl new_time
    next_day nls_charset_id nls_initcap nls_lower nls_upper nlssort numtodsinterval numtoyminterval ora_hash
    powermultiset ratio_to_report rawtohex remainder rowidtochar scn_to_timestamp sessiontimezone
    standard_hash sys_connect_by_path sys_context sys_extract_utc sys_guid sys_typeid sysdate systimestamp
    to_binary_double to_binary_float to_clob to_dsinterval to_multi_byte to_nchar to_single_byte
    to_timestamp_tz to_yminterval tz_offset uid unistr userenv validate_conversion vsize xmlagg
    xmlcomment xmlconcat xmlelement xmlforest xmlserialize
    wm_concat treat dbms_random.value table stats_mode bin_to_num nls_charset_name regexp_like
"""
_BIGQUERY: Final = """
    acos approx_quantiles approx_top_count approx_top_sum array_concat_agg array_first array_last
    array_reverse array_slice bit_and bool byte_length bytes code_points_to_bytes code_points_to_string
    collate current_datetime date_bucket date_from_unix_date datetime_add datetime_bucket datetime_diff
    datetime_sub datetime_trunc div edit_distance error farm_fingerprint float64 format_date format_datetime
    format_time format_timestamp from_base32 from_base64 from_hex generate_array generate_date_array
    generate_range_array generate_timestamp_array generate_uuid ieee_divide int64 is_inf is_nan
    json_extract_array json_extract_string_array json_keys json_query_array json_set json_strip_nulls
    json_value_array justify_days justify_hours justify_interval make_interval max_by min_by normalize
    normalize_and_casefold offset ordinal parse_bignumeric parse_date parse_datetime parse_json
    parse_numeric parse_time parse_timestamp percentile_cont range range_bucket regexp_instr s2_cellidfrompoint
    safe_add safe_cast safe_convert_bytes_to_string safe_divide safe_multiply safe_negate safe_offset
    safe_ordinal safe_subtract search session_user sha1 st_area st_asgeojson st_astext st_buffer
    st_centroid st_contains st_distance st_dwithin st_geogfromtext st_geogpoint st_intersects st_within st_x
    st_y string time_add time_diff time_sub time_trunc timestamp_add timestamp_diff timestamp_micros
    timestamp_millis timestamp_seconds timestamp_sub timestamp_trunc to_base32 to_base64 to_code_points to_hex
    to_json_string unix_date unix_micros unix_millis unix_seconds contains_substr array_is_distinct
    net.host net.ip_from_string net.ip_to_string net.public_suffix net.reg_domain net.safe_ip_from_string
    safe.parse_date safe.parse_timestamp safe.parse_json safe.substr hll_count.extract hll_count.init
    hll_count.merge hll_count.merge_partial lax_bool lax_float64 lax_int64 lax_string
"""
_SNOWFLAKE: Final = """
    add_months approx_percentile approx_top_k arrayagg array_append array_cat array_compact array_construct
    array_distinct array_except array_flatten array_insert array_intersection array_max array_min
    array_position array_prepend array_remove array_slice array_sort array_unique_agg arrays_overlap
    arrays_to_object as_array as_integer as_object as_varchar base64_decode_string base64_encode bitand bitor
    bitxor bitshiftleft bitshiftright booland boolor booland_agg boolor_agg boolxor_agg charindex check_json
    collate compress conditional_change_event conditional_true_event convert_timezone current_account
    current_available_roles current_region current_session current_version current_warehouse
    date_from_parts dateadd datefromparts decode div0 div0null editdistance equal_null flatten
    get get_ddl get_path getdate haversine hll ilike insert is_array is_boolean is_null_value is_object
    jarowinkler_similarity json_extract_path_text kurtosis like_all like_any max_by md5_hex
    min_by minhash monthname next_day object_agg object_construct object_construct_keep_null object_delete
    object_insert object_keys object_pick parse_ip parse_json parse_url previous_day ratio_to_report
    regexp regexp_substr_all rlike sha1_hex sha2_hex skew space splitter split_to_table square strip_null_value
    strtok strtok_split_to_table strtok_to_array sysdate time_from_parts time_slice timeadd timediff
    timestamp_from_parts timestamp_ltz_from_parts timestamp_ntz_from_parts timestamp_tz_from_parts
    to_array to_binary to_boolean to_decimal to_double to_geography to_object to_time to_timestamp_ltz
    to_timestamp_ntz to_timestamp_tz to_varchar to_variant to_xml trunc try_base64_decode_string try_parse_json
    try_to_boolean try_to_date try_to_decimal try_to_double try_to_number try_to_numeric try_to_time
    try_to_timestamp try_to_timestamp_ntz uniform seq1 seq2 seq4 seq8 generator rowcount uuid_string
    variance_pop week weekiso xmlget yearofweek yearofweekiso zeroifnull nullifzero zipf hash_agg
    regr_valx regr_valy dayofweekiso bernoulli system table
"""
_DUCKDB: Final = """
    age aggregate alias apply approx_quantile arbitrary arg_max arg_min argmax argmin array_append
    array_cat array_distance array_distinct array_extract array_filter array_has array_has_all array_has_any
    array_indexof array_position array_prepend array_reverse_sort array_slice array_sort array_transform
    array_unique array_value bar base64 bin bitstring bitstring_agg bit_position cardinality century
    century chr combine constant_or_null cosine_similarity current_query damerau_levenshtein
    date_bin datesub datetrunc dayofyear decade decode element_at encode entropy enum_first enum_last enum_range
    epoch epoch_ms epoch_ns epoch_us equi_width_bins even favg filter first flatten format_bytes from_base64
    from_binary from_hex fsum generate_subscripts geomean get_bit get_current_timestamp gen_random_uuid
    hamming histogram isfinite isodow isoyear jaccard jaro_similarity jaro_winkler_similarity json
    json_array_length json_contains json_each json_exists json_extract_path json_extract_path_text
    json_extract_string json_group_structure json_keys json_merge_patch json_structure json_transform
    julian kurtosis kurtosis_pop last list list_aggregate list_append list_apply
    list_concat list_contains list_cosine_similarity list_distance list_distinct list_element
    list_extract list_filter list_has list_indexof list_inner_product list_position list_reduce list_reverse
    list_slice list_sort list_sum list_transform list_unique list_value list_zip ltrim mad make_date
    make_time make_timestamp map map_concat map_contains map_entries map_extract map_from_entries map_keys map_values
    max_by md5_number millennium millisecond min_by mismatches nanosecond nfc_normalize ord parse_filename
    printf product quantile quantile_cont quantile_disc range regexp_escape regexp_full_match
    regexp_split_to_array regexp_split_to_table row row_to_json set_bit skewness sem stem str_split
    str_split_regex string_split string_split_regex string_to_array strip_accents strptime struct_extract
    struct_insert struct_pack summarize to_base64 to_binary to_days to_hex to_hours to_microseconds
    to_milliseconds to_minutes to_months to_seconds to_weeks to_years today transaction_timestamp
    trim_array try_strptime txid_current_if_assigned union_extract union_tag union_value url_decode url_encode
    weekofyear yearweek duckdb_columns duckdb_tables duckdb_views duckdb_functions duckdb_types
    pragma_table_info pragma_version timezone time_bucket make_timestamptz
    bernoulli system reservoir
"""
_CLICKHOUSE: Final = """
    adddays datetrunc addhours addminutes addmonths addseconds addweeks addyears any anyheavy anylast argmax argmin
    array arrayall arrayavg arraycompact arrayconcat arraycount arraycumsum arraydifference arraydistinct
    arrayelement arrayenumerate arrayexists arrayfilter arrayfirst arrayfirstindex arrayflatten
    arrayintersect arrayjoin arraylast arraymap arraymax arraymin arraypopback arraypopfront arraypushback
    arraypushfront arrayreduce arrayreverse arrayslice arraysort arraysum arraystringconcat arrayuniq
    arrayzip assumenotnull avgif avgweighted base64decode base64encode bitand bitor bitxor cityhash64 concatassumeinjective countequal countsubstrings cutquerystring cuttofirstsignificantsubdomain
    currentdatabase currentuser datename domain domainwithoutwww empty endswith extractall
    extracturlparameter extractallgroups farmhash64 formatdatetime formatreadablequantity formatreadablesize
    fromunixtimestamp fromunixtimestamp64milli generateuuidv4 grouparray grouparraysorted groupbitand
    groupbitor groupbitxor groupuniqarray has hasall hasany hassubstr hostname indexof intdiv intdivorzero
    ipv4numtostring ipv4stringtonum ipv6numtostring isfinite isinfinite isnotnull isvaliduTF8 isvalidjson
    jsonextract jsonextractarrayraw jsonextractbool jsonextractfloat jsonextractint jsonextractkeys
    jsonextractraw jsonextractstring jsonextractuint jsonhas jsonlength jsontype kurtpop kurtsamp length
    lengthutf8 like lowerutf8 mapkeys mapvalues mapcontains match minus multiif multimatchany multisearchany
    murmurhash3_64 negate neighbor ngramdistance notempty notlike now64 nullin numbers numbers_mt parsedatetime
    parsedatetimebesteffort parsedatetimebesteffortornull path plus position positioncaseinsensitive
    positionutf8 protocol quantile quantileexact quantiles quantiletdigest quantiletiming rand32 rand64 randcanonical
    replaceall replaceone replaceregexpall replaceregexpone reverseutf8 roundbankers rounddown rownumberinallblocks
    rownumberinblock runningaccumulate runningdifference sequencecount sequencematch siphash64 skewpop
    splitbychar splitbyregexp splitbystring stddevpop stddevsamp subdate subtractdays subtracthours
    subtractmonths substringutf8 sumif countif uniqif maxif minif anyif summap sumwithoverflow timeslot toDate
    todate todate32 todatetime todatetime64 todateornull todayofmonth todayofweek todayofyear todecimal32
    todecimal64 todecimal128 tofixedstring tofloat32 tofloat64 tohour toint8 toint16 toint32 toint64 toint128
    tointervalday toisoweek toisoyear tojsonstring tolastdayofmonth tominute tomonday tomonth tonullable
    toquarter torelativedaynum tosecond tostartofday tostartoffifteenminutes tostartoffiveminutes
    tostartofhour tostartofinterval tostartofminute tostartofmonth tostartofquarter tostartofsecond
    tostartofweek tostartofyear tostring totimezone totypename touint8 touint16 touint32 touint64 touint128
    tounixtimestamp touuid toweek toyear toyearweek toyyyymm toyyyymmdd toyyyymmddhhmmss today topk
    topkweighted transform trimboth trimleft trimright tuple tupleelement uniq uniqcombined uniqexact
    uniqhll12 upperutf8 urlhash varpop varsamp windowfunnel yesterday zeros simplejsonextractstring
    visitparamextractstring retention boundingratio simplelinearregression entropy exponentialmovingavg
    extractkeyvaluepairs tointeger tofloat64ornull tointervalmonth toint64ornull touint64ornull
    toint32ornull todatetimeornull todecimal64ornull ornull orDefault arrayresize bitcount
"""

_BY_DIALECT: Final = {
    "mysql": _MYSQL,
    "sqlite": _SQLITE,
    "tsql": _MSSQL,
    "oracle": _ORACLE,
    "bigquery": _BIGQUERY,
    "snowflake": _SNOWFLAKE,
    "duckdb": _DUCKDB,
    "clickhouse": _CLICKHOUSE,
}

FUNCTIONS: Final[dict[str, frozenset[str]]] = {
    dialect: words(f"{_EVERYWHERE} {names}".lower()) for dialect, names in _BY_DIALECT.items()
}
"""By sqlglot's name of the dialect."""
