"""Which parts of PostgreSQL's grammar a statement may be made of. What is not named here is refused.

Names are those of `pg_query.proto`, which are PostgreSQL's own (src/include/nodes/parsenodes.h).
"""

from typing import Final

from yett.validation.kinds.sql.names import words

READ_STATEMENTS: Final = frozenset({"SelectStmt", "ExplainStmt", "VariableShowStmt"})

READ_NODES: Final = READ_STATEMENTS | words("""
    ParseResult RawStmt Node List String Integer Float Boolean BitString A_Const A_Star
    ColumnRef ParamRef ResTarget Alias RangeVar RangeSubselect RangeFunction RangeTableSample
    RangeTableFunc RangeTableFuncCol JoinExpr WithClause CommonTableExpr CTESearchClause CTECycleClause
    A_Expr BoolExpr NullTest BooleanTest SubLink CaseExpr CaseWhen CoalesceExpr MinMaxExpr RowExpr
    A_ArrayExpr A_Indirection A_Indices CollateClause TypeCast TypeName FuncCall NamedArgExpr
    SQLValueFunction GroupingFunc GroupingSet SortBy WindowDef ColumnDef DefElem
    XmlExpr XmlSerialize JsonFormat JsonReturning JsonValueExpr JsonOutput JsonArgument JsonFuncExpr
    JsonBehavior JsonTable JsonTableColumn JsonTablePathSpec JsonKeyValue JsonParseExpr JsonScalarExpr
    JsonSerializeExpr JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor
    JsonAggConstructor JsonObjectAgg JsonArrayAgg JsonIsPredicate
    """)

WRITE_STATEMENTS: Final = words("""
    SelectStmt ExplainStmt VariableShowStmt InsertStmt UpdateStmt DeleteStmt MergeStmt TruncateStmt
    CreateStmt CreateTableAsStmt AlterTableStmt ViewStmt RefreshMatViewStmt IndexStmt DropStmt
    RenameStmt CommentStmt CreateSchemaStmt CreateSeqStmt AlterSeqStmt CreateEnumStmt AlterEnumStmt
    CompositeTypeStmt VacuumStmt
    """)

WRITE_NODES: Final = (
    READ_NODES
    | WRITE_STATEMENTS
    | words("""
        MergeWhenClause OnConflictClause InferClause IndexElem SetToDefault MultiAssignRef
        MergeSupportFunc ReturningClause ReturningOption LockingClause IntoClause Constraint AlterTableCmd
        VacuumRelation PartitionSpec PartitionElem PartitionBoundSpec PartitionRangeDatum PartitionCmd
        TableLikeClause
        """)
)

DROPPED: Final = frozenset(
    {
        "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE",
        "OBJECT_SCHEMA", "OBJECT_TYPE",
    }
)  # fmt: skip
"""What may be dropped: data, and not what guards it."""

ALTERED: Final = frozenset(
    {
        "AT_AddColumn", "AT_ColumnDefault", "AT_DropNotNull", "AT_SetNotNull", "AT_DropColumn",
        "AT_SetStatistics", "AT_AddConstraint", "AT_AlterConstraint", "AT_ValidateConstraint",
        "AT_DropConstraint", "AT_AlterColumnType", "AT_AddIndex", "AT_ClusterOn", "AT_AttachPartition",
        "AT_DetachPartition", "AT_AddIdentity", "AT_SetIdentity", "AT_DropIdentity", "AT_SetExpression",
        "AT_DropExpression", "AT_SetRelOptions", "AT_ResetRelOptions",
    }
)  # fmt: skip
"""How a table may be altered: not its owner, its triggers, its rules or its row security."""

EXPLAIN_OPTIONS: Final = words("""
    analyze verbose costs settings buffers wal timing summary format generic_plan memory serialize
    """)

SAMPLING: Final = frozenset({"bernoulli", "system"})

# The names that PostgreSQL itself gives to operators, and its extensions for search and geometry.
OPERATORS: Final = words("""
    = <> != < <= > >= + - * / % ^ |/ ||/ @ & | # ~ << >> || !~ !~* ~* ~~ ~~* !~~ !~~* !! && -> ->> #> #>>
    @> <@ ? ?| ?& #- @? @@ @@@ -|- &< &> &<| |&> <<| |>> <<= >>= <-> ## ?# ?- ?-| ?|| @-@ ~= ^@ <^ >^ *<
    *<= *<> *= *> *>= ~<=~ ~<~ ~>=~ ~>~
    <=> <#> <+> <~> <%> <% %> <<% %>> <<-> <->> <<<-> <->>> &&& <<#>> |=| ~== @@> ~>
    """)

SECRET_TABLES: Final = words("""
    pg_authid pg_shadow pg_user_mapping pg_user_mappings pg_largeobject pg_subscription
    pg_hba_file_rules pg_ident_file_mappings pg_file_settings pg_db_role_setting pg_statistic
    pg_statistic_ext_data user_mapping_options _pg_user_mappings decrypted_secrets
    """)
"""With passwords, connection strings, files, or what stands in other people's rows."""

FIELDS: Final = frozenset({"key", "value", "n", "x"})
"""Fields of what functions return that no function is called like: of `json_each` and `_pg_expandarray`."""
