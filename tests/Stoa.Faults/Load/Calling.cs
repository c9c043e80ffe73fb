using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry;
using Stoa.Market.Tests.Calls;
using Stoa.Market.Tests.Tasks;

namespace Stoa.Faults.Load;

/// <summary>Agents that call each other, of three publishers: who is called has royalties to pay, and calls in turn.</summary>
internal static class Calling
{
    /// <summary>Publishes what is called in the middle, and what fails when it is called.</summary>
    public const string Middle = "dora";

    /// <summary>Publishes what is called last, and has a part of what the one in the middle earns.</summary>
    public const string Deep = "ruth";

    // One that fails, and two in the middle, each of which makes another.
    private const int CallsOfATask = 5;
    private const string Capability = "faults.calls";
    private const int Loops = 20_000_000;
    private const long InputBytes = 10_000;

    private static readonly AgentLimitsBody s_limits = new(Fuel: 1_000_000_000, MemoryBytes: 1 << 20, TimeoutMs: 60_000, OutputBytes: 100_000, LogBytes: 1_000);

    /// <summary>How many calls a task of an agent makes that succeeds.</summary>
    public static int CallsOf(ListingName agent) => agent.Name == "calling" ? CallsOfATask : 0;

    /// <summary>Publishes those that are called.</summary>
    public static async Task PublishCalledAsync(StoaClient middle, StoaClient deep, CancellationToken cancellationToken)
    {
        await PublishAsync(deep, "deep", GuestPrograms.EchoAfter(Loops), s_limits, "0.0003", null, [], cancellationToken);
        await PublishAsync(middle, "brittle", GuestPrograms.Unreachable, s_limits, "0.0003", null, [], cancellationToken);
        await PublishAsync(
            middle, "middle", Relay($"{Deep}/deep@1.0.0", 1), s_limits with { MemoryBytes = 4 << 20 }, "0.0002", [new RoyaltyBody(0.25m, To: Deep)],
            [new AgentUseBody($"{Deep}/deep@1.0.0", 1, "0.005", InputBytes)], cancellationToken);
    }

    /// <summary>Publishes those that call: one that has its input come back by two calls and gets over one that fails, and one that fails when its call has succeeded.</summary>
    public static async Task PublishCallingAsync(StoaClient client, CancellationToken cancellationToken)
    {
        var limits = s_limits with { MemoryBytes = 16 << 20 };
        AgentUseBody middle = new($"{Middle}/middle@1.0.0", 2, "0.02", InputBytes), brittle = new($"{Middle}/brittle@1.0.0", 1, "0.005", InputBytes);
        await PublishAsync(client, "calling", Relay(middle.Agent, 2, brittle.Agent), limits, "0.0001", null, [middle, brittle], cancellationToken);
        await PublishAsync(client, "spoiled", Relay(middle.Agent, 1, isSpoiled: true), limits, "0.0001", null, [middle], cancellationToken);
    }

    /// <summary>Gives its input to an agent, and what it answers to that agent again, so many times; writes what came back at last.</summary>
    /// <param name="agent">Full name of the version.</param>
    /// <param name="times">How often.</param>
    /// <param name="brittle">Called before that, and has to fail; null for none.</param>
    /// <param name="isSpoiled">Whether it fails in the end, in place of writing.</param>
    private static byte[] Relay(string agent, int times, string? brittle = null, bool isSpoiled = false)
    {
        var message = Message(brittle ?? "");
        var attempt = $$"""
            (local.set $handle (call $request (i32.const 512) (i32.const {{message.Length}})))
            (if (i32.ne (call $run (local.get $handle)) (i32.const 1)) (then unreachable))
            (drop (call $read (local.get $handle) (i32.const 0) (i32.const 0)))
            """;
        return CallPrograms.Program(
            Message(agent),
            $$"""
            (local $handle i32) (local $size i32) (local $at i32) (local $count i32) (local $left i32)
            (local.set $size (call $readAll))
            {{(brittle is null ? "" : attempt)}}
            (local.set $left (i32.const {{times}}))
            (loop $again
              (local.set $handle (call $request (i32.const 256) (global.get $message)))
              (if (i32.lt_s (local.get $handle) (i32.const 1)) (then unreachable))
              (if (i32.ne (call $write (local.get $handle) (i32.const 0x10000) (local.get $size)) (local.get $size)) (then unreachable))
              (if (call $run (local.get $handle)) (then unreachable))
              (local.set $at (i32.const 0))
              (block $read (loop $more
                (local.set $count (call $read (local.get $handle) (i32.add (i32.const 0x10000) (local.get $at)) (i32.const 700)))
                (if (i32.lt_s (local.get $count) (i32.const 0)) (then unreachable))
                (br_if $read (i32.eqz (local.get $count)))
                (local.set $at (i32.add (local.get $at) (local.get $count)))
                (br $more)))
              (if (i32.ne (local.get $at) (local.get $size)) (then unreachable))
              (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
            {{(isSpoiled ? "unreachable" : "(call $put (i32.const 0x10000) (local.get $size))")}}
            """,
            $"(data (i32.const 512) \"{message.Replace("\"", "\\22", StringComparison.Ordinal)}\")");
    }

    private static string Message(string agent) => $$"""{"op":"call","agent":"{{agent}}"}""";

    private static Task<AgentResponse> PublishAsync(
        StoaClient client, string name, byte[] program, AgentLimitsBody limits, string price, IReadOnlyList<RoyaltyBody>? royalties, AgentUseBody[] uses, CancellationToken cancellationToken)
    {
        var manifest = new AgentManifestBody(
            name, "1.0.0", "A program of the fault runs.", [Capability], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            limits, new AgentPriceBody(price, "0.0005", "0.001"), Royalties: royalties, Uses: uses.Length == 0 ? null : uses);
        return client.PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(program), cancellationToken: cancellationToken);
    }
}
