using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;

namespace Stoa.Faults.Load;

/// <summary>The agents that do the work, and what is asked of them.</summary>
internal static class Agents
{
    /// <summary>Where all nodes stand.</summary>
    public const string Region = "faults-1";

    private const string Capability = "faults.work";
    private const string Publisher = "stoa";
    private const int BiddingMs = 100;
    private const int LargeBytes = 100_000;
    private const int LongLoops = 100_000_000;

    private static readonly (string Name, byte[] Program, string Capability, string Price)[] s_agents =
    [
        ("quick", GuestPrograms.Echo, "faults.quick", "0.0002"),
        ("busy", GuestPrograms.EchoAfter(2_000_000), "faults.busy", "0.0002"),
        ("long", GuestPrograms.EchoAfter(LongLoops), "faults.long", "0.0002"),
        ("flaky", GuestPrograms.FlakyEcho(4), "faults.flaky", "0.0002"),
        ("failing", GuestPrograms.Exit(1, "no"), "faults.failing", "0.0002"),
        // Cheaper, and so chosen first now and then, and it always fails: the other one does the work then.
        ("broken", GuestPrograms.Unreachable, Capability, "0.0001"),
        ("sound", GuestPrograms.Echo, Capability, "0.0002"),
    ];

    /// <summary>Publishes all of them.</summary>
    public static async Task PublishAsync(StoaClient client, CancellationToken cancellationToken)
    {
        foreach (var (name, program, capability, price) in s_agents)
        {
            var manifest = new AgentManifestBody(
                name, "1.0.0", "A program of the fault runs.", [capability], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
                new AgentLimitsBody(Fuel: 10_000_000_000, MemoryBytes: 1 << 20, TimeoutMs: 60_000, OutputBytes: 1 << 20, LogBytes: 1_000),
                new AgentPriceBody(price, "0.0005", "0.001"));
            await client.PublishAgentAsync(
                JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(program), cancellationToken: cancellationToken);
        }
    }

    /// <summary>Waits until another node of the cell has heard of all of them.</summary>
    public static async Task UntilKnownAsync(StoaClient client, CancellationToken cancellationToken)
    {
        while (true)
        {
            var quote = new SubmitTaskRequest(Input: Input(""), Requirement: new RequirementBody([Capability]));
            try
            {
                if ((await client.QuoteAsync(quote, cancellationToken)).Candidates == s_agents.Count(agent => agent.Capability == Capability))
                    return;
            }
            catch (StoaException unknown) when (unknown.Code == "noCandidate")
            {
                // Not yet.
            }

            await Task.Delay(100, cancellationToken);
        }
    }

    /// <summary>The submission of an item, the same each time. A batch has one of its own.</summary>
    public static SubmitTaskRequest RequestOf(WorkItem item) => item.Kind switch
    {
        WorkKind.Quick or WorkKind.Delayed => Ask("quick", item) with { DueAt = item.DueAt },
        WorkKind.Urgent => Ask("quick", item) with { Priority = "urgent" },
        WorkKind.Busy => Ask("busy", item),
        WorkKind.Long or WorkKind.Cancelled => Ask("long", item),
        WorkKind.Large => Ask("quick", item) with { Input = new TaskInputBody(Text: new string('x', LargeBytes - 20) + item.Key.PadLeft(20)) },
        WorkKind.ByRequirement => new SubmitTaskRequest(Input: Input(item.Key), Requirement: new RequirementBody([Capability])),
        WorkKind.Auctioned => new SubmitTaskRequest(
            Input: Input(item.Key), MaxPrice: "1", Requirement: new RequirementBody([Capability]), Auction: new AuctionTermsBody(WindowMs: BiddingMs)),
        WorkKind.Regional => Ask("quick", item) with { Regions = [Region] },
        WorkKind.Flaky => Ask("flaky", item),
        WorkKind.Failing => Ask("failing", item),
        WorkKind.Calling => Ask("calling", item),
        WorkKind.Spoiled => Ask("spoiled", item),
        _ => throw new ArgumentOutOfRangeException(nameof(item)),
    };

    /// <summary>The submission of a batch, the same each time.</summary>
    public static SubmitBatchRequest BatchOf(WorkItem item) => new(
        [.. Enumerable.Range(0, item.BatchSize).Select(place => new SubmitTaskRequest($"{Publisher}/{(WorkItem.IsFailing(place) ? "failing" : "quick")}", Input($"{item.Key} {place}")))]);

    /// <summary>What is uploaded for an item.</summary>
    public static byte[] UploadOf(WorkItem item) => Encoding.UTF8.GetBytes(new string('u', LargeBytes) + item.Key);

    /// <summary>The submission of an item whose input was uploaded.</summary>
    public static SubmitTaskRequest RequestOf(string digest) => new($"{Publisher}/quick", new TaskInputBody(Digest: digest));

    /// <summary>The submission of schedules.</summary>
    public static SubmitTaskRequest Scheduled => new($"{Publisher}/quick", Input("tick"));

    private static SubmitTaskRequest Ask(string agent, WorkItem item) => new($"{Publisher}/{agent}", Input(item.Key));

    private static TaskInputBody Input(string text) => new(Text: text);
}
