using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Expressions;

namespace Stoa.Market.Tests.Expressions;

/// <summary>Two objects that have the same at each path that an expression reads are the same to it.</summary>
public sealed class ReferenceProperties
{
    private const int Tests = 5_000;

    [Fact]
    public void Result_DoesNotChange_WhenAllThatIsNotReadDoes() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
        {
            var (text, one, other) = Sample(new System.Random(seed), without: null);

            ExpressionSamples.Evaluate(text, one).ShouldBe(ExpressionSamples.Evaluate(text, other), $"{text} reads {string.Join(", ", text.References)}, and gives another result on {one} than on {other}.");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Tests));

    [Fact]
    public void Result_Changes_WhenAPathIsForgotten()
    {
        var (withPaths, changed) = (0, 0);
        for (var seed = 0; seed < Tests; seed++)
        {
            var random = new System.Random(seed);
            var (text, one, other) = Sample(random, without: 0);
            if (text.References.Count == 0)
                continue;
            withPaths++;
            if (ExpressionSamples.Evaluate(text, one) != ExpressionSamples.Evaluate(text, other))
                changed++;
        }

        // The property above would see it: results hang on what is read, and much of it is not the root.
        withPaths.ShouldBeGreaterThan(Tests / 3);
        changed.ShouldBeGreaterThan(withPaths / 8);
    }

    /// <summary>An expression that does not read the root, and two objects that are the same at what it reads, but for one path perhaps.</summary>
    private static (JmesPath Expression, string One, string Other) Sample(System.Random random, int? without)
    {
        var samples = new RandomExpressions(random);
        JmesPath expression;
        do
            expression = ExpressionSamples.Parse(samples.Expression(3));
        while (expression.References is [{ IsRoot: true }]);
        var (one, other) = (samples.Root(5), samples.Root(5));
        Keep(expression.References.Where((_, place) => place != without), one, other);
        return (expression, one.ToJsonString(), other.ToJsonString());
    }

    /// <summary>Has an object have at paths what another one has there.</summary>
    private static void Keep(IEnumerable<FieldPath> paths, JsonObject from, JsonObject to)
    {
        var found = paths.Select(path => (path.Names, IsThere: TryFind(from, path.Names, out var value), Value: value)).ToList();
        foreach (var (names, _, value) in found.Where(path => path.IsThere))
        {
            var parent = to;
            foreach (var name in names.SkipLast(1))
            {
                if (parent[name] is not JsonObject)
                    parent[name] = new JsonObject();
                parent = (JsonObject)parent[name]!;
            }

            parent[names[^1]] = value?.DeepClone();
        }

        foreach (var (names, _, _) in found.Where(path => !path.IsThere))
        {
            if (TryFind(to, [.. names.SkipLast(1)], out var parent) && parent is JsonObject members)
                members.Remove(names[^1]);
        }
    }

    private static bool TryFind(JsonNode root, IReadOnlyList<string> names, out JsonNode? value)
    {
        value = root;
        foreach (var name in names)
        {
            if (value is not JsonObject members || !members.TryGetPropertyValue(name, out value))
                return false;
        }

        return true;
    }
}
