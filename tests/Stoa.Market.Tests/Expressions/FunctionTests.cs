using Stoa.Market.Expressions;
using static Stoa.Market.Tests.Expressions.ExpressionSamples;

namespace Stoa.Market.Tests.Expressions;

/// <summary>What each function gives, and what it does not take.</summary>
public sealed class FunctionTests
{
    private const string People = """[{"name":"Ann","age":30},{"name":"Bob","age":5},{"name":"Cid","age":30}]""";

    [Theory]
    [InlineData("abs(`-1.5`)", "null", "1.5")]
    [InlineData("abs(@)", "-3", "3")]
    [InlineData("avg(@)", "[1,2,6]", "3")]
    [InlineData("avg(@)", "[]", "null")]
    [InlineData("ceil(@)", "1.2", "2")]
    [InlineData("ceil(@)", "-0.5", "0")]
    [InlineData("contains(@, 'oo')", "\"foo\"", "true")]
    [InlineData("contains(@, '')", "\"\"", "true")]
    [InlineData("contains(@, 'of')", "\"foo\"", "false")]
    [InlineData("contains(@, 'fooo')", "\"foo\"", "false")]
    [InlineData("contains(@, 'aab')", "\"aaaab\"", "true")]
    [InlineData("contains(@, 'ababc')", "\"abababc\"", "true")]
    [InlineData("contains(@, `1`)", "\"1\"", "false")]
    [InlineData("contains(@, `1`)", "[2,1.0]", "true")]
    [InlineData("contains(@, `{\"a\":[1]}`)", """[{"a":[1]}]""", "true")]
    [InlineData("contains(@, `null`)", "[]", "false")]
    [InlineData("ends_with(@, 'oo')", "\"foo\"", "true")]
    [InlineData("ends_with(@, 'fo')", "\"foo\"", "false")]
    [InlineData("floor(@)", "-1.2", "-2")]
    [InlineData("join(', ', @)", """["a","b","c"]""", "\"a, b, c\"")]
    [InlineData("join(', ', @)", "[]", "\"\"")]
    [InlineData("join('', @)", """["a"]""", "\"a\"")]
    [InlineData("keys(@)", """{"b":1,"a":2}""", """["b","a"]""")]
    [InlineData("length(@)", "\"a\\u00e9\\ud83d\\ude00\"", "3")]
    [InlineData("length(@)", "[1,[2,3]]", "2")]
    [InlineData("length(@)", """{"a":1}""", "1")]
    [InlineData("map(&a, @)", """[{"a":1},{},{"a":[2]}]""", "[1,null,[2]]")]
    [InlineData("map(&[0], @)", "[[1],[[2]]]", "[1,[2]]")]
    [InlineData("max(@)", "[1,3,2]", "3")]
    [InlineData("max(@)", """["a","c","b"]""", "\"c\"")]
    [InlineData("max(@)", "[]", "null")]
    [InlineData("max_by(@, &age).name", People, "\"Ann\"")]
    [InlineData("max_by(@, &name).name", People, "\"Cid\"")]
    [InlineData("max_by(@, &name)", "[]", "null")]
    [InlineData("merge(@, {b: `3`})", """{"a":1,"b":2}""", """{"a":1,"b":3}""")]
    [InlineData("merge()", "1", "{}")]
    [InlineData("min(@)", "[2,1.0,1]", "1.0")]
    [InlineData("min_by(@, &age).name", People, "\"Bob\"")]
    [InlineData("not_null(a, b, c)", """{"b":false,"c":1}""", "false")]
    [InlineData("not_null(a, b)", "{}", "null")]
    [InlineData("not_null(a, length(b))", """{"a":1}""", "1")]
    [InlineData("reverse(@)", "[1,2,3]", "[3,2,1]")]
    [InlineData("reverse(@)", "\"ab\\ud83d\\ude00\\ud83d\\ude01c\"", "\"c\\uD83D\\uDE01\\uD83D\\uDE00ba\"")]
    [InlineData("sort(@)", "[10,9,-1,9.0]", "[-1,9,9.0,10]")]
    [InlineData("sort(@)", """["b","aa","B","a",""]""", """["","B","a","aa","b"]""")]
    [InlineData("sort(@)", "[]", "[]")]
    [InlineData("sort_by(@, &age)[*].name", People, """["Bob","Ann","Cid"]""")]
    [InlineData("sort_by(@, &name) | reverse(@)[*].name", People, """["Cid","Bob","Ann"]""")]
    [InlineData("starts_with(@, 'fo')", "\"foo\"", "true")]
    [InlineData("starts_with(@, 'oo')", "\"foo\"", "false")]
    [InlineData("sum(@)", "[1,2.5]", "3.5")]
    [InlineData("sum(@)", "[]", "0")]
    [InlineData("to_array(@)", "[1]", "[1]")]
    [InlineData("to_array(@)", "null", "[null]")]
    [InlineData("to_number(@)", "\"-1.5e1\"", "-15")]
    [InlineData("to_number(@)", "12345678901234567890", "12345678901234567890")]
    [InlineData("to_number(@)", "\"01\"", "null")]
    [InlineData("to_number(@)", "\" 1\"", "null")]
    [InlineData("to_number(@)", "\"1e999\"", "null")]
    [InlineData("to_number(@)", "\"NaN\"", "null")]
    [InlineData("to_number(@)", "[1]", "null")]
    [InlineData("to_number(@)", "true", "null")]
    [InlineData("to_string(@)", "\"a\"", "\"a\"")]
    [InlineData("length(to_string(@))", """{ "a" : [ "é", "\u003c" ] }""", "15")]
    [InlineData("to_string(@)", "1.50", "\"1.50\"")]
    [InlineData("to_string(a)", "{}", "\"null\"")]
    [InlineData("type(@)", "{}", "\"object\"")]
    [InlineData("type(@)", "[]", "\"array\"")]
    [InlineData("type(@)", "\"\"", "\"string\"")]
    [InlineData("type(@)", "0", "\"number\"")]
    [InlineData("type(@)", "false", "\"boolean\"")]
    [InlineData("type(@)", "null", "\"null\"")]
    [InlineData("values(@)", """{"b":1,"a":null}""", "[1,null]")]
    public void Function_GivesWhatTheSpecificationSays(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Fact]
    public void Texts_AreInTheOrderOfTheirCodePoints() =>
        // U+FF5E is after U+1F600 by the units of UTF-16.
        Evaluate("sort(@) | map(&length(to_string(@)), @)", "[\"\ud83d\ude00\ud83d\ude00\",\"\uff5e\",\"\uff5ea\",\"z\"]").ShouldBe("[1,1,2,2]");

    [Theory]
    [InlineData("abs('1')", 4)]
    [InlineData("avg(a)", 4)]
    [InlineData("ceil(a)", 5)]
    [InlineData("contains(a, b)", 9)]
    [InlineData("ends_with(a, '')", 10)]
    [InlineData("ends_with('', a)", 14)]
    [InlineData("floor(`[]`)", 6)]
    [InlineData("join(`1`, `[]`)", 5)]
    [InlineData("join('', a)", 9)]
    [InlineData("join('', `[1]`)", 0)]
    [InlineData("keys(`[]`)", 5)]
    [InlineData("length(`1`)", 7)]
    [InlineData("length(a)", 7)]
    [InlineData("map(&a, b)", 8)]
    [InlineData("max(`[1, \"a\"]`)", 0)]
    [InlineData("max(`[true]`)", 0)]
    [InlineData("max_by(`[{}]`, &a)", 0)]
    [InlineData("merge(`{}`, `[]`)", 12)]
    [InlineData("min(`{}`)", 4)]
    [InlineData("min_by(`[1, \"a\"]`, &@)", 0)]
    [InlineData("reverse(`{}`)", 8)]
    [InlineData("sort(`[[]]`)", 0)]
    [InlineData("sort('a')", 5)]
    [InlineData("sort_by(`[1, \"a\"]`, &@)", 0)]
    [InlineData("starts_with(`[]`, '')", 12)]
    [InlineData("sum(`[\"1\"]`)", 0)]
    [InlineData("sum('1')", 4)]
    [InlineData("values('a')", 7)]
    public void Function_OfATypeThatItDoesNotTake_IsAFaultAtItsPlace(string expression, int offset)
    {
        var fault = EvaluationFault(expression, "{}");

        (fault.Kind, fault.Offset).ShouldBe((ExpressionFaultKind.InvalidType, offset), fault.Reason);
    }

    [Fact]
    public void Fault_SaysWhatIsExpectedAndWhatThereIs()
    {
        EvaluationFault("contains(`1`, 'a')", "{}").Reason.ShouldBe("Here contains expects a string or an array, and the value is of the type number.");
        EvaluationFault("sort(`[1, true]`)", "{}").Reason.ShouldBe("Here sort expects an array of which it gets numbers alone or texts alone, and one of them is of the type boolean.");
    }

    [Theory]
    [InlineData("sum(@)", "[1e308,1e308]")]
    [InlineData("avg(@)", "[1e308,1e308]")]
    [InlineData("abs([0])", "[-1e999]")]
    [InlineData("ceil([0])", "[1e99999999999999999999]")]
    public void Number_ThatNoDoubleIsAsLargeAs_IsAFault(string expression, string json) =>
        EvaluationFault(expression, json).Kind.ShouldBe(ExpressionFaultKind.InvalidValue);

    [Fact]
    public void Functions_AreAllOfTheSpecification() => Functions.All.Keys.Order(StringComparer.Ordinal).ShouldBe(
    [
        "abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map", "max", "max_by", "merge", "min", "min_by", "not_null",
        "reverse", "sort", "sort_by", "starts_with", "sum", "to_array", "to_number", "to_string", "type", "values",
    ]);
}
