using Stoa.Market.Calls;
using Stoa.Market.Registry;
using Stoa.Wasm;
using Stoa.Wasm.Tests;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tests.Samples;

public sealed class SamplesTests
{
    private static readonly Engine Engine = new();

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
            DefineMore = imports => AgentCalls.DefineIn(imports, board),
            Limits = new ExecutionLimits { Fuel = manifest.Limits.Fuel, MaxMemoryBytes = manifest.Limits.MemoryBytes },
        };

        var report = WasiRun.Execute(Engine, request, TestContext.Current.CancellationToken);

        var exited = report.Outcome.ShouldBeOfType<WasiRunOutcome.Exited>();
        expected.Check(exited.ExitCode, output.ToArray(), log.ToString(), board.Read());
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
