"""Which parts of sqlglot's trees a statement of another dialect may be made of. What is not named here is
refused. Functions are judged by name instead, see `other_functions.py`."""

from typing import Final

from sqlglot import exp

from yett.validation.kinds.sql.names import words

READ_STATEMENTS: Final = frozenset(
    {"Select", "Union", "Intersect", "Except", "SetOperation", "Subquery", "Values", "Pivot"}
)

READ_NODES: Final = READ_STATEMENTS | words("""
    Add Adjacent Alias Aliases All Any AtTimeZone Between BitString BitwiseAnd BitwiseLeftShift
    BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor Boolean Bracket ByteString CTE CharacterSet Column
    ColumnDef ColumnPrefix Cube DPipe DataType DataTypeParam Distance Distinct Div Dot EQ Escape ExtendsLeft
    ExtendsRight Fetch Filter Final FormatJson From FromTimeZone GT GTE Glob Group GroupingSets Having
    HavingMax HexString ILike Identifier IgnoreNulls In IntDiv Interval IntervalSpan Is JSON JSONColumnDef
    JSONKeyValue JSONPath JSONPathFilter JSONPathKey JSONPathRecursive JSONPathRoot JSONPathSelector
    JSONPathSlice JSONPathSubscript JSONPathUnion JSONPathWildcard JSONSchema JSONValue Join Kwarg LT LTE
    Lambda Lateral Like Limit LimitOptions Literal Match Mod Mul NEQ National Neg NestedJSONSelect Not Null
    NullSafeEQ NullSafeNEQ Offset OnCondition OpenJSONColumnDef Order Ordered OverflowTruncateBehavior
    Overlaps Parameter Paren PartitionByExcluding Pivot PivotAlias PivotAny Placeholder PositionalColumn Prior
    PropertyEQ PseudoType Pseudocolumn Qualify RawString RecursiveWithSearch RespectNulls
    Rollup SessionParameter SimilarTo Slice Sort Star Connect Cluster Distribute Sub Table TableAlias
    TableColumn TableFromRows TableSample TranslateCharacters Tuple UnicodeString UnpivotColumns Var
    Version HistoricalData Where Window WindowSpec With WithFill WithinGroup XMLNamespace
    Comprehension Schema ProjectionDef PreWhere IndexTableHint WithTableHint
    """)

WRITE_STATEMENTS: Final = READ_STATEMENTS | frozenset(
    {"Insert", "Update", "Delete", "Merge", "Create", "Drop", "Alter", "TruncateTable"}
)

WRITE_NODES: Final = (
    READ_NODES
    | WRITE_STATEMENTS
    | words("""
        Returning OnConflict When Whens Lock Index IndexParameters ColumnConstraint Constraint Check
        PrimaryKey ForeignKey Reference AddConstraint AlterColumn AlterRename RenameColumn RenameIndex
        AutoIncrementColumnConstraint CheckColumnConstraint CollateColumnConstraint
        CharacterSetColumnConstraint CommentColumnConstraint ComputedColumnConstraint
        DefaultColumnConstraint GeneratedAsIdentityColumnConstraint NotNullColumnConstraint
        OnUpdateColumnConstraint PrimaryKeyColumnConstraint UniqueColumnConstraint
        ZeroFillColumnConstraint IndexColumnConstraint ModifyColumn Properties TemporaryProperty
        PrimaryKeyIndexParameters ColumnPosition DropPrimaryKey
        """)
)

KINDS: Final = frozenset({"TABLE", "VIEW", "INDEX", "SCHEMA", "COLUMN"})
"""What may be created, altered or dropped: data, and neither code nor what guards it."""

NOT_CALLED: Final = (exp.NextValueFor, exp.DynamicIdentifier, exp.Secret, exp.Command)
"""What does something without having the form of a call."""

VALUES: Final = frozenset(
    {
        "Literal",
        "HexString",
        "BitString",
        "National",
        "RawString",
        "ByteString",
        "UnicodeString",
        "Heredoc",
    }
)

# Words that may stand before a parenthesis without being called; of types, with a length or precision.
STRUCTURE: Final = words("""
    ADD ALL AND ANTI ANY APPLY ARRAY AS ASOF BETWEEN BY CASE CAST CHECK COLUMN COLUMNS CONVERT CROSS CUBE
    DISTINCT DIV ELSE ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FETCH FILTER FIRST FOR FOREIGN FROM FULL
    GROUP GROUPING HAVING INDEX ILIKE IN INNER INTERSECT INTERVAL IS JOIN KEY LATERAL LEFT LIKE LIMIT MATERIALIZED
    MINUS MOD NOT NULLS OFFSET ON OR ORDER OUTER OVER OVERLAPS PARTITION PATH PIVOT PRIMARY QUALIFY
    REFERENCES REGEXP RENAME REPLACE RIGHT RLIKE ROLLUP ROW SELECT SEMI SET SETS SOME STRUCT THEN TOP
    TRY_CAST SAFE_CAST UNION UNIQUE UNPIVOT USING VALUES WHEN WHERE WINDOW WITH WITHIN XOR
    BIGINT BINARY BIT BOOLEAN BYTES CHAR CHARACTER CLOB DATE DATETIME DATETIME2 DATETIME64 DATETIMEOFFSET DEC
    DECIMAL DECIMAL32 DECIMAL64 DECIMAL128 DOUBLE ENUM ENUM8 ENUM16 FIXEDSTRING FLOAT INT INTEGER LIST
    LONGTEXT LOWCARDINALITY MAP MEDIUMINT MEDIUMTEXT NCHAR NULLABLE NUMBER NUMERIC NVARCHAR NVARCHAR2 RAW
    REAL SIGNED SMALLINT STRING TEXT TIME TIMESTAMP TIMESTAMPLTZ TIMESTAMPNTZ TIMESTAMPTZ TIMESTAMP_LTZ
    TIMESTAMP_NTZ TIMESTAMP_TZ TIMETZ TINYINT TUPLE UNSIGNED VARBINARY VARCHAR VARCHAR2 VARYING VECTOR YEAR
    """)

FORBIDDEN_WORDS: Final = words("""
    ALTER ATTACH CREATE DELETE DETACH DROP DUMPFILE EXEC EXECUTE GRANT INTO NEXTVAL OUTFILE PRAGMA REVOKE
    UPDATE WAITFOR
    """)
"""Words that no query needs unless they are quoted."""


HINTS: Final = words("""
    FORCE FORCESCAN FORCESEEK IGNORE INDEX NOEXPAND NOLOCK READCOMMITTED READPAST READUNCOMMITTED USE
    """)
"""What may be said about how a table is read: nothing that locks."""
