using Stoa.Market.Expressions;

namespace Stoa.Market.Tests.Expressions;

/// <summary>What an expression reads, without evaluating it.</summary>
public sealed class ReferenceTests
{
    [Theory]
    [InlineData("nodes.fetch.output[?x > `1`].y", "nodes.fetch.output")]
    [InlineData("[nodes.a.output, inputs.b]", "nodes.a.output", "inputs.b")]
    [InlineData("{x: nodes.a.output, y: inputs.b[0]}", "nodes.a.output", "inputs.b")]
    [InlineData("nodes.a | output", "nodes.a.output")]
    [InlineData("nodes | [a.output, b]", "nodes")]
    [InlineData("@ | [a.output, b]", "a.output", "b")]
    [InlineData("nodes.a.[output, status]", "nodes.a")]
    [InlineData("a || b.c", "a", "b.c")]
    [InlineData("(a || b).c", "a", "b.c")]
    [InlineData("(a && b).c", "a", "b.c")]
    [InlineData("!a.b", "a.b")]
    [InlineData("a.b == c.d", "a.b", "c.d")]
    [InlineData("a.b < `1`", "a.b")]
    [InlineData("a[0].b", "a")]
    [InlineData("a[*].b.c", "a")]
    [InlineData("a[1:].b", "a")]
    [InlineData("a.*.b", "a")]
    [InlineData("a[].b", "a")]
    [InlineData("a[?b == c.d]", "a")]
    [InlineData("length(a.b)", "a.b")]
    [InlineData("merge(a.b, {c: d})", "a.b", "d")]
    [InlineData("map(&b.c, a)", "a")]
    [InlineData("sort_by(a.b, &c)[0].d", "a.b")]
    [InlineData("not_null(a, b.c)", "a", "b.c")]
    [InlineData("a.length(@)", "a")]
    [InlineData("a.b.length(c)", "a.b.c")]
    [InlineData("{x: a}.x", "a")]
    [InlineData("[a, a.b, a.c]", "a")]
    [InlineData("[a.b, a.b]", "a.b")]
    [InlineData("@.a", "a")]
    [InlineData("\"a b\".\"c\\\"\"", "\"a b\".\"c\\\"\"")]
    [InlineData("`1`")]
    [InlineData("'a'.b")]
    [InlineData("map(&a, `[1]`)")]
    [InlineData("merge()")]
    [InlineData("@", "@")]
    [InlineData("[@]", "@")]
    [InlineData("*", "@")]
    [InlineData("*.a", "@")]
    [InlineData("[]", "@")]
    [InlineData("[0]", "@")]
    [InlineData("[?a]", "@")]
    [InlineData("keys(@)", "@")]
    [InlineData("a && @", "@")]
    [InlineData("@ == a", "@")]
    [InlineData("a | @", "a")]
    public void Expression_ReadsThesePaths(string expression, params string[] paths)
    {
        var references = ExpressionSamples.Parse(expression).References;

        references.Select(path => path.ToString()).ShouldBe(paths);
        // Each is written as an expression that reads it.
        foreach (var path in references)
            ExpressionSamples.Parse(path.ToString()).References.ShouldBe([path]);
    }

    [Fact]
    public void Path_HoldsWhatLeadsOnFromIt()
    {
        var (root, a, ab, b) = (new FieldPath([]), new FieldPath(["a"]), new FieldPath(["a", "b"]), new FieldPath(["b"]));

        (root.IsRoot, a.IsRoot).ShouldBe((true, false));
        (a.Holds(ab), a.Holds(a), ab.Holds(a), a.Holds(b), root.Holds(ab)).ShouldBe((true, true, false, false, true));
        (ab.Equals(new FieldPath(["a", "b"])), ab.GetHashCode() == new FieldPath(["a", "b"]).GetHashCode(), ab.Equals(a), new FieldPath(["a.b"]).Equals(ab)).ShouldBe((true, true, false, false));
    }
}
