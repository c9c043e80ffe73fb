using Stoa.Market.Auctions;
using Stoa.Market.Builds;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

/// <summary>The few things that a submission looks up, in memory: one agent, some blobs, some wallets, and what was submitted.</summary>
internal sealed class MarketShelf : IAgentStore, IContentStore, IContentOwners, IStoragePayments, ILedgerStore, ITaskStore, IBiddingStore
{
    public AgentVersion? Agent { get; set; }

    public Dictionary<ContentHash, byte[]> Blobs { get; } = [];

    public HashSet<(ContentHash, Id<User>)> Grants { get; } = [];

    public Dictionary<string, Account> Wallets { get; } = [];

    public List<NewTask> Submissions { get; } = [];

    public TaskRefusal? Refusing { get; set; }

    public BiddingOutlook Bidding { get; set; } = new(0, new Dictionary<string, BiddingPolicy>());

    public Task<BiddingOutlook> LookAsync(Id<User> consumer, IReadOnlyCollection<string> agents, CancellationToken cancellationToken) => Task.FromResult(Bidding);

    public Task<AgentVersion?> FindAsync(ListingName listing, CancellationToken cancellationToken) =>
        Task.FromResult(Agent is { } agent && agent.Publisher == listing.Publisher && agent.Manifest.Name == listing.Name ? agent : null);

    public WithdrawnListing? Withdrawn { get; set; }

    public Task<WithdrawnListing?> FindWithdrawnAsync(ListingName listing, CancellationToken cancellationToken) => Task.FromResult(Withdrawn?.Listing == listing ? Withdrawn : null);

    public Task<Stream?> OpenAsync(ContentHash digest, CancellationToken cancellationToken) =>
        Task.FromResult<Stream?>(Blobs.TryGetValue(digest, out var bytes) ? new MemoryStream(bytes) : null);

    public Task<ContentDescriptor?> StatAsync(ContentHash digest, CancellationToken cancellationToken) =>
        Task.FromResult(Blobs.TryGetValue(digest, out var bytes) ? new ContentDescriptor(digest, bytes.Length) : null);

    public Task<bool> MayReadAsync(ContentHash digest, Id<User>? reader, CancellationToken cancellationToken) =>
        Task.FromResult(reader is { } user && Grants.Contains((digest, user)));

    public Task<Account?> FindAccountAsync(string owner, AccountKind kind, CancellationToken cancellationToken) =>
        Task.FromResult(Wallets.GetValueOrDefault(owner));

    public Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(NewTask submission, CancellationToken cancellationToken)
    {
        if (Refusing is { } refusal)
            return Task.FromResult<Outcome<Submitted, TaskRefusal>>(new Refusal<TaskRefusal>(refusal, "No."));
        Submissions.Add(submission);
        return Task.FromResult<Outcome<Submitted, TaskRefusal>>(new Submitted(submission.Task, IsNew: true));
    }

    public Task<Outcome<AgentTask?, TaskRefusal>> FindSubmissionAsync(Id<User> owner, IdempotencyKey key, CancellationToken cancellationToken)
    {
        var earlier = Submissions.FirstOrDefault(submission => submission.Task.OwnerId == owner && submission.Idempotency?.Key == key.Key);
        return Task.FromResult<Outcome<AgentTask?, TaskRefusal>>(earlier is null || earlier.Idempotency == key
            ? earlier?.Task
            : new Refusal<TaskRefusal>(TaskRefusal.IdempotencyKeyReused, "Another request."));
    }

    Task<Expiry> ITaskStore.ExpireAsync(Id<Account> clearing, IdSource ids, DateTimeOffset now, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Outcome<ContentDescriptor, ContentRefusal>> IContentStore.PutAsync(Stream source, ContentHash? expected, long maxBytes, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<bool> IContentStore.DeleteAsync(ContentHash digest, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <summary>Why nothing that is stored may be used; null when it may.</summary>
    public string? Unpaid { get; set; }

    Task<string?> IStoragePayments.WhyUnusableAsync(Id<User> user, CancellationToken cancellationToken) => Task.FromResult(Unpaid);

    Task<bool> IContentStore.DeleteAsync(ContentHash digest, DateTimeOffset putBefore, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task IContentOwners.ExpectAsync(IReadOnlyList<ContentDescriptor> content, Id<User> user, DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<bool> IContentOwners.OwnsAsync(ContentHash digest, Id<User> user, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Outcome<AgentVersion, PublishRefusal>> IAgentStore.AddAsync(AgentVersion version, IReadOnlyList<(ContentHash Digest, long SizeBytes)> content, NewEvent published, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Outcome<AgentVersion?, PublishRefusal>> IAgentStore.FindSameAsync(AgentVersion version, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<AgentVersion?> IAgentStore.GetAsync(Id<AgentVersion> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<PublishedVersion?> IAgentStore.FindPublishedAsync(ListingName listing, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Page<PublishedVersion>> IAgentStore.ListVersionsAsync(string publisher, string name, bool withWithdrawn, PageRequest page, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Outcome<AgentOffer, WithdrawalRefusal>> IAgentStore.WithdrawAsync(Id<User> publisher, ListingName listing, string? reason, DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<AgentVersion>> IAgentStore.ListReinstatableAsync(Id<User> publisher, ListingName listing, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Outcome<AgentOffer, WithdrawalRefusal>> IAgentStore.ReinstateAsync(Id<User> publisher, ListingName listing, DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Page<AgentVersion>> IAgentStore.ListAsync(AgentQuery query, PageRequest page, CancellationToken cancellationToken) => Task.FromResult(new Page<AgentVersion>(
        Agent is { } agent && agent.Manifest.Capabilities.Contains(query.Capability) ? [agent] : [], null));

    Task<Account> ILedgerStore.OpenAccountAsync(Account account, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Account?> ILedgerStore.GetAccountAsync(Id<Account> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Outcome<IReadOnlyList<Transfer>, TransferRefusal>> ILedgerStore.ApplyAsync(IReadOnlyList<Transfer> linked, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<Refusal<TransferRefusal>?>> ILedgerStore.ApplyEachAsync(IReadOnlyList<IReadOnlyList<Transfer>> sets, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Page<StatedAccount>> ILedgerStore.ListAccountsAsync(PageRequest page, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<JournalHead> ILedgerStore.GetHeadAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<JournalBlock>> ILedgerStore.ReadJournalAsync(long after, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Transfer?> ILedgerStore.GetTransferAsync(Id<Transfer> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Page<Transfer>> ILedgerStore.ListTransfersAsync(Id<Account> account, PageRequest page, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<LedgerTotals> ILedgerStore.TotalAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<AgentTask>> ITaskStore.ClaimAsync(LeaseHolder holder, ClaimRoom room, DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<AgentTask?> ITaskStore.ExpediteAsync(Id<AgentTask> id, Id<User> owner, DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<HeldTask>> ITaskStore.ListHeldAsync(LeaseHolder holder, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<AttemptEndOutcome> ITaskStore.EndAttemptAsync(AttemptEnd end, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<AttemptEndOutcome>> ITaskStore.EndAttemptsAsync(IReadOnlyList<AttemptEnd> ends, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<Outcome<Submitted, TaskRefusal>>> ITaskStore.SubmitAllAsync(IReadOnlyList<NewTask> submissions, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Outcome<AgentTask, TaskRefusal>> ITaskStore.CancelAsync(Id<AgentTask> id, Id<User> owner, Id<Transfer> releaseId, Id<Account> clearing, DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyList<LeaseRef>> ITaskStore.ListAbandonedAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<AgentTask?> ITaskStore.GetAsync(Id<AgentTask> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Page<AgentTask>> ITaskStore.ListAsync(Id<User> owner, string? state, PageRequest page, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyDictionary<Id<AgentTask>, ReadOnlyMemory<byte>>> ITaskStore.ReadInputsAsync(
        IReadOnlyCollection<Id<AgentTask>> ids, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<byte[]?> ITaskStore.ReadInputAsync(Id<AgentTask> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<byte[]?> ITaskStore.ReadOutputAsync(Id<AgentTask> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<KeptLog> ITaskStore.ReadLogAsync(Id<AgentTask> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<TaskRun>> ListRunsAsync(Id<AgentTask> task, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<SignedReceipt?> ITaskStore.GetReceiptAsync(Id<AgentTask> task, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<StoredSelection?> ITaskStore.FindSelectionAsync(Id<AgentTask> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyDictionary<Id<AgentTask>, Id<AgentTask>>> ITaskStore.FindReplaysAsync(
        Id<User> owner, IReadOnlyCollection<Id<AgentTask>> ids, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<int> ITaskStore.BringForwardAsync(DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <summary>How many tasks of other consumers are due or run of every agent.</summary>
    public int Open { get; set; }

    /// <summary>How many of the one who asks.</summary>
    public int OwnOpen { get; set; }

    public Task<OpenTasks> CountOpenOfAsync(
        Id<AgentVersion> agent, Id<User> consumer, DemandFactor demand, DateTimeOffset now, CancellationToken cancellationToken) =>
        Task.FromResult(new OpenTasks(Math.Min(OwnOpen, demand.ConsumerShare), Math.Min(Open, demand.Capacity)));

    Task<int?> ITaskStore.FindDemandAsync(Id<AgentTask> id, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <summary>For how many tasks of agents everybody has paid this month.</summary>
    public Dictionary<string, long> Paid { get; } = [];

    /// <summary>How often that was asked for.</summary>
    public int PaidCounts { get; private set; }

    public Task<long> CountPaidOfAsync(Id<User> consumer, Id<User> publisher, string agent, DateTimeOffset now, CancellationToken cancellationToken)
    {
        PaidCounts++;
        return Task.FromResult(Paid.GetValueOrDefault(agent));
    }

    public Task<IReadOnlyDictionary<string, long>> CountPaidAsync(Id<User> consumer, DateTimeOffset now, CancellationToken cancellationToken)
    {
        PaidCounts++;
        return Task.FromResult<IReadOnlyDictionary<string, long>>(new Dictionary<string, long>(Paid));
    }

    Task<IReadOnlyList<string>> ITaskStore.FindFullBudgetsAsync(AgentTask task, DateTimeOffset now, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<DateTimeOffset?> ITaskStore.NextDueAsync(string? region, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<IReadOnlyDictionary<string, long>> ITaskStore.CountOpenAsync(CancellationToken cancellationToken) => throw new NotSupportedException();
}
