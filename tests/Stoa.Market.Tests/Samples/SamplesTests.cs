using Stoa.Market.Calls;
using Stoa.Market.Registry;
using Stoa.Wasm;
using Stoa.Wasm.Tests;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tests.Samples;

public sealed class SamplesTests
{
    private static readonly Engine s_engine = new();

    public static TheoryData<string> Names() => [.. SampleFolder.Names];

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var sample in SampleFolder.Names)
        {
            foreach (var name in SampleCase.Of(sample).Keys)
                cases.Add(sample, name);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Manifest_OfASample_IsAcceptedAndNamesItsProgram(string sample)
    {
        var manifest = Manifest(sample);

        manifest.Name.ShouldBe(sample);
        File.Exists(SampleFolder.File(sample, manifest.Program)).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_OnTheEngine_GivesItsOutput(string sample, string name)
    {
        var expected = SampleCase.Of(sample)[name];
        var manifest = Manifest(sample);
        var output = GuestOutput.ToMemory(manifest.Limits.OutputBytes);
        var log = GuestOutput.ToMemory(manifest.Limits.LogBytes, OutputOverflow.Truncate);
        var board = new ProgressBoard();
        using var calls = new SampleCalls(sample, TestContext.Current.CancellationToken);
        var request = new WasiRunRequest
        {
            Module = File.ReadAllBytes(SampleFolder.File(sample, manifest.Program)),
            World = WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, seed: 1) with
            {
                Arguments = [manifest.Name, .. expected.Arguments ?? []],
                Stdin = GuestInput.FromBytes(expected.InputOf(sample)),
                Stdout = output,
                Stderr = log,
            },
            DefineMore = imports => AgentCalls.DefineIn(imports, board, calls.Desk),
            Limits = new ExecutionLimits { Fuel = manifest.Limits.Fuel, MaxMemoryBytes = manifest.Limits.MemoryBytes },
        };

        var report = WasiRun.Execute(s_engine, request, TestContext.Current.CancellationToken);

        var exited = report.Outcome.ShouldBeOfType<WasiRunOutcome.Exited>();
        expected.Check(exited.ExitCode, output.ToArray(), log.ToString(), board.Read());
    }

    [Theory]
    [InlineData(2_000)]
    [InlineData(8_000)]
    public void DistinctValues_OfAColumnOfDifferentOnes_AreNotEstimatedToBeMoreThanThereAre(int rows)
    {
        var input = string.Join('\n', Enumerable.Range(1, rows).Prepend(0));
        var output = GuestOutput.ToMemory(1 << 20);
        var request = new WasiRunRequest
        {
            Module = File.ReadAllBytes(SampleFolder.File("csv-profile", "csv-profile.wasm")),
            World = WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, seed: 1) with
            {
                Arguments = ["csv-profile"],
                Stdin = GuestInput.FromBytes(System.Text.Encoding.UTF8.GetBytes(input)),
                Stdout = output,
            },
            DefineMore = imports => AgentCalls.DefineIn(imports, new ProgressBoard(), ClosedCallDesk.WithoutNode),
        };

        WasiRun.Execute(s_engine, request, TestContext.Current.CancellationToken).Outcome.ShouldBeOfType<WasiRunOutcome.Exited>().ExitCode.ShouldBe(0);

        var column = System.Text.Json.JsonDocument.Parse(output.ToArray()).RootElement.GetProperty("columns")[0];
        column.GetProperty("distinct").GetInt64().ShouldBe(column.GetProperty("count").GetInt64());
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("needs", "clang")]
    [Trait("speed", "slow")]
    public Task Rebuild_MatchesCommittedWasm(string sample) => BuildScript.CheckAsync(Path.Combine(SampleFolder.Root, "build"), sample);

    private static AgentManifest Manifest(string sample) =>
        ManifestReader.Read(File.ReadAllBytes(SampleFolder.File(sample, "agent.json")))
            .Match(manifest => manifest, refusal => throw new ShouldAssertException(string.Join('\n', refusal.Errors)));
}
