using Library = DevLab.JmesPath.JmesPath;

namespace Stoa.Market.Tests.Expressions;

/// <summary>Where JmesPath.Net does otherwise than the specification, each with the reason. When it has come round, its line goes, and random expressions may have it.</summary>
public sealed class JmesPathJudgeTests
{
    public static TheoryData<string, string, string, string> Differences => new()
    {
        // Ordering operators are for numbers, and give null for all else: "Ordering Operators".
        { "a <= b", "{}", "null", "true" },
        // What gives null is left out of a projection, behind the star of an object too: "Wildcard Expressions".
        { "*", """{"a":null,"b":1}""", "[1]", "[null,1]" },
        // The right side of a dot is evaluated on what the left one gives, null as well: "SubExpressions".
        { "a.type(@)", "{}", "\"null\"", "null" },
        // Nothing is selected of null, whether a dot or a pipe is before it; jmespath.org's own implementation says the same.
        { "a | [b]", "{}", "null", "[null]" },
        // What is in parentheses is an expression of its own, so its projection has ended there.
        { "(a[*]).b", """{"a":[{"b":1}]}""", "null", "[1]" },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void Library_DiffersWhereItIsSaid(string expression, string json, string ours, string theirs)
    {
        ExpressionSamples.Evaluate(expression, json).ShouldBe(ours);
        new Library().Transform(json, expression).ShouldBe(theirs);
    }
}
