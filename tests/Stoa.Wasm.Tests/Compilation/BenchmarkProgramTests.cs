using Stoa.Wasm.Tests.Spec;

namespace Stoa.Wasm.Tests.Compilation;

/// <summary>The programs in <c>benchmarks/programs</c>, as clang compiled them.</summary>
public sealed class BenchmarkProgramTests
{
    /// <summary>What V8 gives for a small run of each.</summary>
    public static TheoryData<string, int, long> Checksums { get; } = new()
    {
        { "sha256", 3, 644076283568408686 },
        { "matrix", 1, -1101023424708684192 },
        { "quicksort", 1, -5015822769448220012 },
        { "sieve", 1, -5498394538440240419 },
        { "fibonacci", 20, 6765 },
        { "nbody", 1000, -6097359632247167134 },
        { "json", 2, 5351720731549055981 },
        { "lz", 2, 7457480933363791960 },
        { "interpreter", 500, 6758733193456065759 },
    };

    [Theory]
    [MemberData(nameof(Checksums))]
    public void Program_MeteredOrNot_GivesTheChecksumOfAnotherEngine(string name, int size, long checksum)
    {
        Assert.SkipUnless(SpecTools.Root is not null, "the programs are not beside the tests");
        var wasm = File.ReadAllBytes(Path.Combine(SpecTools.Root!, "benchmarks", "programs", $"{name}.wasm"));
        foreach (var isMetered in new[] { true, false })
        {
            using var instance = new Engine(new EngineOptions { IsMetered = isMetered }).Compile(wasm).Instantiate(new Imports());
            instance.Invoke("run", size)[0].ToInt64().ShouldBe(checksum);
        }
    }

    [Fact]
    [Trait("needs", "clang")]
    public async Task Rebuild_MatchesCommittedWasm()
    {
        Assert.SkipUnless(SpecTools.Root is not null, "the programs are not beside the tests");
        await BuildScript.CheckAsync(Path.Combine(SpecTools.Root!, "benchmarks", "programs", "build"));
    }
}
