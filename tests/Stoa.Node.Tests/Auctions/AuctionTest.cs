using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

/// <summary>A node with a consumer who has 5 dollars, and agents of different publishers that can all do the same.</summary>
public abstract class AuctionTest : IAsyncLifetime
{
    protected const string Work = "text.echo";
    protected static readonly TimeSpan Wait = TimeSpan.FromSeconds(60);
    protected static readonly RequirementBody Any = new([Work], Explore: false);

    // Only the price counts: who is known for what makes no difference.
    protected static readonly RequirementBody Cheapest = new([Work], Weights: new WeightsBody(Price: 1), Explore: false);

    private readonly Dictionary<string, StoaClient> _members = [];

    protected TestNode Node { get; private set; } = null!;

    protected StoaClient Consumer { get; private set; } = null!;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    protected virtual string[] Options => [];

    public virtual async ValueTask InitializeAsync()
    {
        Node = await TestNode.StartAsync(null, ["--identity:passwordIterations", "100", "--Tasks:Workers", "2", "--Tasks:MaxMemoryBytes", "1073741824", .. Options]);
        Consumer = await MemberAsync("consumer");
        await Node.Client.DepositAsync(new DepositRequest("consumer", "5"), Stop);
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var member in _members.Values)
            member.Dispose();
        await Node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>A user, made when it is first asked for.</summary>
    protected async Task<StoaClient> MemberAsync(string handle)
    {
        if (_members.TryGetValue(handle, out var member))
            return member;
        using var anonymous = new StoaClient(Node.Client.Options with { ApiKey = null });
        await anonymous.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", "a long enough password"), Stop);
        var session = await anonymous.LoginAsync(new LoginRequest(handle, "a long enough password"), Stop);
        return _members[handle] = new StoaClient(Node.Client.Options with { ApiKey = session.Token });
    }

    /// <summary>Publishes the agent <c>HANDLE/agent</c>, which echoes for a price that is all base, and says how it bids.</summary>
    protected async Task<AgentReference> PublishAsync(
        string handle, string price, BiddingPolicyBody? bidding = null, byte[]? program = null, PriceTiersBody? tiers = null, PriceDemandBody? demand = null)
    {
        var publisher = await MemberAsync(handle);
        await TestNode.PublishAsync(
            publisher, "agent", program ?? GuestPrograms.Echo, capability: Work, price: new AgentPriceBody(price, "0", "0", Tiers: tiers, Demand: demand));
        var agent = new AgentReference(handle, "agent");
        if (bidding is not null)
            await publisher.SetBiddingAsync(agent, bidding, Stop);
        return agent;
    }

    protected static BiddingPolicyBody Factor(string factor) => new("fixed", Factor: factor);

    protected Task<TaskResponse> SubmitAsync(
        RequirementBody? requirement = null, string? maxPrice = null, int windowMs = 20, string? onNoBids = null, TimeSpan? wait = null, string? priority = null) => Consumer.SubmitAsync(
        new SubmitTaskRequest(
            Input: new TaskInputBody(Text: "hello"), MaxPrice: maxPrice, Priority: priority, Requirement: requirement ?? Cheapest, Auction: new AuctionTermsBody(windowMs, onNoBids)),
        wait,
        cancellationToken: Stop);

    protected Task<TaskResponse> RunAsync(RequirementBody? requirement = null, string? maxPrice = null, string? onNoBids = null) =>
        SubmitAsync(requirement, maxPrice, onNoBids: onNoBids, wait: Wait);

    protected static string Publisher(string agent) => agent.Split('/')[0];

    protected async Task<Money> SpentAsync() => Money.Parse("5") - Money.Parse((await Consumer.GetWalletAsync(Stop)).Posted);

    protected async Task NothingIsHeldAsync() => (await Consumer.GetWalletAsync(Stop)).Held.ShouldBe("0.000000000");
}
