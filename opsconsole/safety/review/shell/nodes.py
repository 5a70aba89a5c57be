"""The node types of the tree that are understood, with their fields. What is not here is not proven."""

from __future__ import annotations

POSITIONS = frozenset(
    """
    Type Pos End Position Semicolon Comments ThenPos FiPos ForPos DoPos DonePos WhilePos InPos OpPos Left Right
    Lparen Rparen Lbrace Rbrace Dollar ValuePos ValueEnd Case In Esac Let Time Coproc Last CondLast ThenLast
    DoLast Hash Braces Quest Backquotes
""".split()
)

# Node type → the fields that this walk understands. Anything else in a node of that type is not proven.
TABLE: dict[str, frozenset[str]] = {
    kind: frozenset(fields.split())
    for kind, fields in {
        "Stmt": "Cmd Redirs Negated Background",
        "CallExpr": "Args Assigns",
        "BinaryCmd": "Op X Y",
        "Block": "Stmts",
        "Subshell": "Stmts",
        "IfClause": "Cond Then Else",
        "WhileClause": "Cond Do Until",
        "ForClause": "Loop Do Select",
        "WordIter": "Name Items",
        "CStyleLoop": "Init Cond Post",
        "CaseClause": "Word Items",
        "CaseItem": "Op Patterns Stmts",
        "FuncDecl": "Name Body Parens RsrvWord",
        "TestClause": "X",
        "ArithmCmd": "X Unsigned",
        "LetClause": "Exprs",
        "DeclClause": "Variant Args",
        "TimeClause": "Stmt PosixFormat",
        "CoprocClause": "Name Stmt",
        "Redirect": "Op N Word Hdoc",
        "Assign": "Append Naked Name Index Value Array",
        "ArrayExpr": "Elems",
        "ArrayElem": "Index Value",
        "ParamExp": "Short Excl Length Width Param Index Slice Repl Names Exp",
        "CmdSubst": "Stmts TempFile ReplyVar",
        "ProcSubst": "Op Stmts",
        "ArithmExp": "X Bracket Unsigned",
        "DblQuoted": "Parts",
        "SglQuoted": "Value",
        "ExtGlob": "Op Pattern",
    }.items()
}
