using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Stoa.Node.Tests.Faults;

/// <summary>The promise under faults: nodes are killed, paused, cut off from their database or disk and have their clocks moved while they work; nothing is lost and nothing done twice.</summary>
/// <remarks>Each kind of fault once of <c>./faults</c>, in a process of its own. The seed is in the output; <c>./faults RUN --seed</c> repeats it.</remarks>
[Trait("speed", "slow")]
public sealed class FaultRunTests(ITestOutputHelper output)
{
    private const int NotPossibleHere = 3;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    [Fact]
    public Task EmbeddedNode_KilledOnAFullDiskAndWithAClockThatJumps_LosesAndDoublesNothing() => RunNodesAsync("mixed", 3);

    [Fact]
    [Trait("needs", "postgres")]
    public Task Cell_KilledPausedWithoutItsDatabaseAndWithAClockThatJumps_LosesAndDoublesNothing() => RunNodesAsync("mixed-cell", 4);

    [Fact]
    public async Task Ledger_CrashedAtAnyByteOfWhatItWrites_IsWhole() => ((double)(await RunAsync("ledger", 60))["entries_read"]!).ShouldBeGreaterThan(60);

    [Fact]
    [Trait("needs", "postgres")]
    public async Task Ledger_WhoseSessionsEndAtAnyMoment_IsWhole() => ((double)(await RunAsync("ledger-postgres", 300))["sets"]!).ShouldBeGreaterThan(50);

    [Fact]
    public async Task Node_KilledInTheMiddleOfRequestsToModels_HasEachPaidOnce() => ((double)(await RunAsync("inference", 8))["requests"]!).ShouldBeGreaterThan(50);

    private async Task RunNodesAsync(string run, int points)
    {
        var report = await RunAsync(run, points);
        ((double)report["tasks"]!).ShouldBeGreaterThan(0);
        ((double)report["books_exact"]!).ShouldBe(1);
    }

    private async Task<JsonNode> RunAsync(string run, int points)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Stoa.Faults.dll");
        // How soon work goes on is measured by ./faults on a machine of its own; here others may have the processor.
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, run, "--points", $"{points}", "--within", "60", "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var patience = new CancellationTokenSource(s_patience);
        // What it has started goes with it: it watches over that itself.
        using var end = patience.Token.Register(process.Kill);
        var told = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var answer = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);

        output.WriteLine(await told);
        output.WriteLine(answer);
        Assert.SkipWhen(process.ExitCode == NotPossibleHere, (await told).Split('\n').LastOrDefault(line => line.Length > 0) ?? "");
        var report = JsonNode.Parse(answer)!;
        report["broken_promises"]!.AsArray().Select(broken => $"{broken}").ShouldBeEmpty();
        process.ExitCode.ShouldBe(0);
        return report;
    }
}
