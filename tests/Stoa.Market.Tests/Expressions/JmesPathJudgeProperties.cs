using System.Text.Json;
using Stoa.Market.Expressions;
using Library = DevLab.JmesPath.JmesPath;

namespace Stoa.Market.Tests.Expressions;

/// <summary>JmesPath.Net, which passes the specification's own tests, gives the same for random expressions: but for what <see cref="JmesPathJudgeTests"/> names.</summary>
public sealed class JmesPathJudgeProperties
{
    private const int Tests = 20_000;

    [Fact]
    public void Expressions_GiveWhatTheLibraryGives()
    {
        var (differences, results) = (new List<string>(), 0);
        for (var seed = 0; seed < Tests; seed++)
        {
            var samples = new RandomExpressions(new Random(seed), isJudged: true);
            var (json, text) = (samples.Root().ToJsonString(), samples.Expression(3));
            var (ours, theirs) = (Ours(text, json), Theirs(text, json));
            if (ours is not (null or "null"))
                results++;
            if (!AreSame(ours, theirs))
                differences.Add($"seed {seed}: {text} on {json} gives {ours ?? "a fault"}, and the library {theirs ?? "a fault"}");
        }

        differences.Take(10).ShouldBeEmpty($"{differences.Count} differ");
        results.ShouldBeGreaterThan(Tests / 4);
    }

    private static string? Ours(string text, string json) =>
        JmesPath.TryParse(text, out var expression, out _) ? ExpressionSamples.Evaluate(expression, json).Json : null;

    /// <summary>What the library gives; null for a fault, whatever it throws: some of it is none of its own exceptions.</summary>
    internal static string? Theirs(string text, string json)
    {
        try
        {
            return new Library().Transform(json, text);
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static bool AreSame(string? ours, string? theirs) =>
        ours == theirs || (ours is not null && theirs is not null && JsonElement.DeepEquals(JsonElement.Parse(ours), JsonElement.Parse(theirs)));
}
