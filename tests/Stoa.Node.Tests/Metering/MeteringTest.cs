using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Metering;
using Stoa.Node.Tasks;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>A task store with agents of two publishers in the catalogue, and ends of tasks at any time and price.</summary>
public abstract class MeteringTest(DatabaseSource source) : TaskStoreTest(source)
{
    protected SqlUsageStore Usage => new(Database);

    /// <summary>Whose tasks have quotas and budgets, as in production.</summary>
    protected SqlTaskStore Limited { get; private set; } = null!;

    protected IReadOnlyList<PublishedAgent> Agents { get; private set; } = [];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Limited = NewStore();
        var (ann, bob) = (Ids.Next<User>(), Ids.Next<User>());
        Agents =
        [
            await AddAgentAsync(ann, "ann/upper@1.0.0"),
            await AddAgentAsync(ann, "ann/upper@1.1.0"),
            await AddAgentAsync(ann, "ann/lower@1.0.0"),
            await AddAgentAsync(bob, "bob/upper@1.0.0"),
        ];
    }

    /// <summary>A store as another node of the cell has it.</summary>
    protected SqlTaskStore NewStore() => new(Database, Clock, quota: new UserQuota(100_000, 1_000));

    protected NewTask TaskOf(PublishedAgent agent, Money price, Id<User>? owner = null, DateTimeOffset? at = null, string? key = null)
    {
        var made = NewTask(price, key: key);
        return made with
        {
            Task = made.Task with { OwnerId = owner ?? Owner, AgentId = agent.Id, Agent = agent.Listing, CreatedAt = at ?? Now, State = new TaskState.Queued(at ?? Now) },
        };
    }

    /// <summary>The end of an attempt that succeeded.</summary>
    protected AttemptEnd Succeed(AgentTask running, Money price, Usage measured, DateTimeOffset at, PrivateKey node)
    {
        var receipt = Ids.Next<Receipt>();
        var next = running.Succeed(new TaskResult(ContentHash.Of("HELLO"u8), 5, IsInline: true, "text/plain", measured, price, receipt), at);
        return new AttemptEnd(
            next,
            Settlement.Capture(running, SplitPolicy.Default.Split(price), new Payees(Accounts.Clearing, Creator, Accounts.Node, Accounts.Platform), Ids, at),
            new SignedReceipt(receipt, running.Id, DsseEnvelope.Sign(Receipt.PayloadType, "{}"u8, node)),
            "HELLO"u8.ToArray(),
            ReadOnlyMemory<byte>.Empty,
            [TaskEvents.Ended(next, at)]);
    }

    /// <summary>Runs all that waits to its end, at a price each.</summary>
    protected async Task<IReadOnlyList<AgentTask>> FinishAllAsync(Money price)
    {
        using var node = PrivateKey.Generate();
        var claimed = await Limited.ClaimAsync(Holder, Room, Now.AddDays(60), Stop);
        await Limited.EndAttemptsAsync([.. claimed.Select(task => Succeed(task, price, new Usage(10, 20, 30, 40, 50), Now, node))], Stop);
        return claimed;
    }

    private async Task<PublishedAgent> AddAgentAsync(Id<User> publisher, string listing)
    {
        var name = ListingName.Parse(listing);
        var agent = new PublishedAgent(Ids.Next<AgentVersion>(), publisher, name);
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                """
                INSERT INTO agent_versions (id, publisher_id, publisher, name, version, manifest, artifact_digest, program_digest, program_bytes, published_at)
                VALUES (@Id, @publisherId, @Publisher, @Name, @version, '{}', @digest, @digest, 1, @Now)
                """,
                new { agent.Id, publisherId = publisher, name.Publisher, name.Name, version = name.Version!.ToString(), digest = ContentHash.Of("x"u8), Now }),
            Stop);
        return agent;
    }
}

/// <summary>An agent in the catalogue.</summary>
public sealed record PublishedAgent(Id<AgentVersion> Id, Id<User> PublisherId, ListingName Listing)
{
    public string Name => $"{Listing.Publisher}/{Listing.Name}";
}
