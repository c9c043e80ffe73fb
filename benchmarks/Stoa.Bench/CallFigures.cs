using System.Diagnostics;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Calls;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Bench;

/// <summary>What a call of another agent costs, beside a run of the same agent by itself: in the sandbox, without a queue and money.</summary>
internal static class CallFigures
{
    private const int Calls = TaskCalls.MostCalls;
    private const int WarmUps = 100;
    private const int Repetitions = 300;
    private static readonly AgentLimits s_limits = new(Fuel: 1_000_000_000, MemoryBytes: 8 << 20, TimeoutMs: 60_000, OutputBytes: 100_000, LogBytes: 4096);

    public static void Add(Figures figures)
    {
        var engine = new Engine();
        var called = Version("called", GuestPrograms.Echo, []);
        var caller = Version("caller", CallPrograms.Caller(called.Listing.ToString(), Calls), [new AgentUse(called.Listing, Calls, Money.Zero, 1_000, new UseLimits(MemoryBytes: 1 << 20))]);
        var tree = new CallTree([new CallBranch(caller.Manifest.Uses[0], called, CallTree.None)]);
        var (echo, calling) = (engine.Compile(GuestPrograms.Echo), engine.Compile(CallPrograms.Caller(called.Listing.ToString(), Calls)));
        var programs = new CallablePrograms(tree, new Dictionary<ContentHash, Module> { [called.ProgramDigest] = echo });
        using var threads = new GuestThreads(1);
        var sandbox = new AgentSandbox(TimeProvider.System);
        figures.Add("run_us", 1e3 * Median(() => sandbox.Run(
            echo, new SandboxJob(called.Listing, [], s_limits, 7, 0), GuestInput.FromBytes("hello"u8.ToArray()), Stream.Null, new AttemptProgress(), CancellationToken.None)));
        figures.Add("call_us", 1e3 / Calls * Median(() =>
        {
            var desk = new TaskCalls(programs, sandbox, threads, isTimed: true, CancellationToken.None).DeskOf(7, 0);
            return sandbox.Run(
                calling, new SandboxJob(caller.Listing, [], s_limits, 7, 0) { Calls = desk }, GuestInput.FromBytes("hello"u8.ToArray()), Stream.Null, new AttemptProgress(), CancellationToken.None);
        }));

        double Median(Func<AttemptOutcome> run)
        {
            var samples = new List<double>();
            for (var i = 0; i < WarmUps + Repetitions; i++)
            {
                samples.Add(threads.RunAsync(() =>
                {
                    var start = Stopwatch.GetTimestamp();
                    return run() is AttemptOutcome.Completed ? Stopwatch.GetElapsedTime(start).TotalMilliseconds : throw new BenchmarkException("A run of a sample agent failed.");
                }).GetAwaiter().GetResult());
            }

            return Figures.Median(samples.Skip(WarmUps));
        }
    }

    private static AgentVersion Version(string name, byte[] program, IReadOnlyList<AgentUse> uses)
    {
        var text = new AgentPort("text/plain", null);
        var manifest = new AgentManifest(
            name, SemanticVersion.Parse("1.0.0"), name, [name + ".run"], [], name + ".wasm", text, text, [], s_limits, [], new AgentPrice(Money.Zero, Money.Zero, Money.Zero))
        {
            Uses = uses,
        };
        return new AgentVersion(default, default(Id<User>), "bench", manifest, ContentHash.Of(program), ContentHash.Of(program), program.Length, DateTimeOffset.UnixEpoch);
    }
}
