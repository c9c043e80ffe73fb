namespace Stoa.Market.Tests.Expressions;

/// <summary>Where JmesPath.Net does otherwise than the specification, each with the reason. When it has come round, its line goes, and random expressions may have it.</summary>
public sealed class JmesPathJudgeTests
{
    /// <summary>Expression, value, what Stoa gives, what the library gives; nothing for a fault.</summary>
    public static TheoryData<string, string, string, string> Differences => new()
    {
        // Ordering operators are for numbers, and give null for all else: "Ordering Operators".
        { "a <= b", "{}", "null", "true" },
        // What gives null is left out of a projection, behind the star of an object too: "Wildcard Expressions".
        { "*", """{"a":null,"b":1}""", "[1]", "[null,1]" },
        { "[*].a", """[{"a":null},{"a":1}]""", "[1]", "[null,1]" },
        { "[0:2]", "[null,1]", "[1]", "[null,1]" },
        // The right side of a dot is evaluated on what the left one gives, null as well: "SubExpressions".
        { "a.type(@)", "{}", "\"null\"", "null" },
        // Nothing is selected of null, whether a dot or a pipe is before it; jmespath.org's own implementation says the same.
        { "a | [b]", "{}", "null", "[null]" },
        // What is in parentheses is an expression of its own, so its projection has ended there.
        { "(a[*]).b", """{"a":[{"b":1}]}""", "null", "[1]" },
        // Slices are of arrays: "Slices".
        { "[:2]", "\"abc\"", "null", "\"ab\"" },
        // A slice begins at the nearest end when its start is beyond it: the proposal of array slices.
        { "[4:-2:-2]", "[0,1]", "[1]", "[]" },
        { "[-4::2]", "[0]", "[0]", "[]" },
        // Numbers are equal by their value: "Equality Operators".
        { "a == b", """{"a":1,"b":1.0}""", "true", "false" },
        // The keys of max_by and min_by may be texts.
        { "max_by(@, &a).a", """[{"a":"x"},{"a":"y"}]""", "\"y\"", "" },
        // And they may be nothing else, however few there are; nor may what is sorted.
        { "max_by(@, &a)", """[{"a":true}]""", "", """{"a":true}""" },
        { "sort(@)", "[true]", "", "[\"True\"]" },
        // Of several with one key it is said of neither which it is: here it is the first, as it stays the first of a sort.
        { "min_by(@, &a).b", """[{"a":1,"b":1},{"a":1,"b":2}]""", "1", "2" },
        // merge takes any number of objects, so none; and of members with one name the last is taken as it is.
        { "merge()", "1", "{}", "" },
        { "merge(@, {a: `[2]`})", """{"a":[1]}""", """{"a":[2]}""", """{"a":[1,2]}""" },
        // not_null evaluates its arguments until one is not null.
        { "not_null(a, length(b))", """{"a":1}""", "1", "" },
        // A number has no more digits than it takes to tell it from others.
        { "to_string(avg(@))", "[10,20]", "\"15\"", "\"15.0\"" },
        // to_number reads what JSON has for a number.
        { "to_number(@)", "\"01\"", "null", "1" },
        // Between single quotes, only a single quote is escaped: the proposal of raw strings.
        { "length('\\\\')", "1", "2", "1" },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void Library_DiffersWhereItIsSaid(string expression, string json, string ours, string theirs)
    {
        (ExpressionSamples.Evaluate(ExpressionSamples.Parse(expression), json).Json ?? "").ShouldBe(ours);
        (JmesPathJudgeProperties.Theirs(expression, json) ?? "").ShouldBe(theirs);
    }
}
