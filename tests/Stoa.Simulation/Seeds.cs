using System.Globalization;

namespace Stoa.Simulation;

/// <summary>Which histories a test plays.</summary>
/// <remarks><c>STOA_TEST_SEED</c> plays one again, the one that a failure names; <c>STOA_TEST_SEEDS</c> plays so many in place of the few of every day. <c>STOA_TEST_NODES</c> has more nodes take part.</remarks>
internal static class Seeds
{
    /// <summary>Some seeds, one after the other.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many, unless the environment says otherwise.</param>
    public static TheoryData<int> From(int first, int count) => Read("STOA_TEST_SEED") is { } seed
        ? [seed]
        : [.. Enumerable.Range(first, Read("STOA_TEST_SEEDS") ?? count)];

    /// <summary>How many nodes take part.</summary>
    /// <param name="usual">Unless the environment says otherwise.</param>
    public static int Nodes(int usual) => Read("STOA_TEST_NODES") ?? usual;

    /// <summary>A source of chance that is the same for the same seed and part.</summary>
    public static Random Part(int seed, int part) => new(unchecked((seed * 486_187_739) + part));

    private static int? Read(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
