namespace Stoa.Llama.Grammars;

/// <summary>The rules of JSON in llama.cpp's GBNF, which other rules are made of.</summary>
internal static class JsonRules
{
    /// <summary>Any object, with little room for blanks, so that a model does not go on with them for ever.</summary>
    public const string AnyObject = "root ::= object\n" + All;

    /// <summary>What <c>value</c>, <c>object</c>, <c>array</c>, <c>string</c>, <c>char</c>, <c>number</c>, <c>integer</c>, <c>boolean</c> and <c>ws</c> are.</summary>
    /// <remarks>No escape is half of a pair of surrogates: not every reader takes one. Numbers are no longer than what a double holds exactly.</remarks>
    public const string All = """
        value ::= object | array | string | number | boolean | "null"
        object ::= "{" ws ( member ( "," ws member )* )? "}"
        member ::= string ":" ws value ws
        array ::= "[" ws ( value ws ( "," ws value ws )* )? "]"
        string ::= "\"" char* "\""
        char ::= [^"\\\x7F\x00-\x1F] | "\\" ( ["\\/bfnrt] | "u" ( [0-9a-cA-CefEF] hex hex hex | [dD] [0-7] hex hex ) )
        hex ::= [0-9a-fA-F]
        number ::= integer ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,2} )?
        integer ::= "-"? ( "0" | [1-9] [0-9]{0,14} )
        boolean ::= "true" | "false"
        ws ::= ( " " | "\n" [ ]{0,16} )?

        """;
}
