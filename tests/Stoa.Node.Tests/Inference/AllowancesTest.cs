using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Membership;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Inference;
using Stoa.Node.Inference.Charging;
using Stoa.Node.Tests.Metering;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

/// <summary>Users with money, a model of ann's, and nodes that serve it. A token that it reads costs a thousand nanodollars for the listing, one that it writes a thousand for serving.</summary>
public abstract class AllowancesTest(DatabaseSource source) : ChargesTest(source)
{
    private readonly List<Node> _nodes = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-inference-").FullName;

    protected PricedModel Model { get; private set; } = null!;

    protected Id<User> Publisher { get; private set; }

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Publisher = await AddUserAsync(Money.Zero, 0, "ann");
        Model = ModelOf("ann/tiny@1.0.0");
    }

    public override async ValueTask DisposeAsync()
    {
        _nodes.ForEach(node => node.Dispose());
        Directory.Delete(_folder, recursive: true);
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected PricedModel ModelOf(string listing) =>
        new(ListingName.Parse(listing), Publisher, new(Money.FromDollars(1), Money.Zero), new(Money.Zero, Money.FromDollars(1)));

    /// <summary>A start of a node. Another of the same node finds what the one before has left.</summary>
    protected Node Start(string node = "node", string boot = "boot1", string allowance = "0.001")
    {
        _nodes.Where(other => other.Name == node).ToList().ForEach(other => other.Dispose());
        var started = new Node(this, node, boot, allowance, Path.Combine(_folder, node));
        _nodes.Add(started);
        return started;
    }

    /// <summary>A channel that has paid so much.</summary>
    protected async Task<Id<Channel>> OpenChannelAsync(Money settled)
    {
        var id = Ids.Next<Channel>();
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                """
                INSERT INTO channels (id, node, payer_id, payer, payer_wallet_id, payer_key, payee_id, payee, payee_wallet_id, payee_key, escrow_id, challenge_window_ms, opened_at, expires_at, deposit, settled, state)
                VALUES (@id, 'node', 'ada', 'ada', 'wallet', @key, 'till', 'till', 'other', @key, 'escrow', 1, 0, 1, @settled, @settled, 'Open')
                """,
                new { id, key = Array.Empty<byte>(), settled }),
            Stop);
        return id;
    }

    /// <summary>What of a channel's credit is used up, and what is reserved.</summary>
    protected Task<(Money Spent, Money Reserved)> CreditOfAsync(Id<Channel> channel) => Database.ReadAsync(
        session => session.QuerySingleAsync<(Money, Money)>("SELECT spent, reserved FROM call_credit WHERE channel_id = @channel", new { channel }), Stop);

    protected async Task<InferenceCharge[]> ChargesOfAsync(Id<User> user) =>
        [.. (await Usage.ListSourcesAsync([(await WalletOfAsync(user)).Id], UsageRole.Consumer, new PageRequest(), Stop)).Items.Select(source => source.Inference.ShouldNotBeNull())];

    /// <summary>All that was paid came to somebody, nothing is held or in between, and usage says the same as the journal.</summary>
    protected async Task BooksHoldAsync()
    {
        await FoldAllAsync();
        var audit = await Usage.VerifyAsync(Stop);
        audit.FindingCount.ShouldBe(0, string.Join(' ', audit.Findings));
        var totals = await Ledger.TotalAsync(Stop);
        (totals.Posted, totals.Clearing, totals.PendingDebits, totals.OpenHolds).ShouldBe((Money.Zero, Money.Zero, Money.Zero, 0));
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT (SELECT COUNT(*) FROM inference_allowances) + (SELECT COUNT(*) FROM budget_holds)"), Stop)).ShouldBe(0);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM budgets"), Stop)).ShouldBe(0);
    }

    /// <summary>A clock whose timestamps stand and move with its time.</summary>
    private sealed class WholeClock(TimeProvider clock) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();

        public override long GetTimestamp() => clock.GetUtcNow().UtcTicks;
    }

    /// <summary>What a node has of it. Disposed of without having stopped it is one that was killed.</summary>
    protected sealed class Node : IDisposable
    {
        private readonly AllowancesTest _test;
        private readonly ChargeSlots _slots;

        public Node(AllowancesTest test, string node, string boot, string allowance, string folder)
        {
            (_test, Name, File) = (test, node, Path.Combine(folder, ChargeSlots.FileName));
            Directory.CreateDirectory(folder);
            var options = new InferenceOptions { AllowanceMin = allowance };
            options.Validate().ShouldBeEmpty();
            _slots = new ChargeSlots(File, options.MaxAllowances, NullLogger.Instance);
            Store = new SqlAllowances(test.Database, test.Accounts, SplitPolicy.Default, test.Ids, new Cell(new LeaseHolder(node, boot), null, Now));
            Allowances = new Allowances(Store, _slots, options, test.Ids, new WholeClock(test.Clock), NullLogger<Allowances>.Instance);
            Keeper = new AllowanceKeeper(Allowances, Store, _slots, options, new WholeClock(test.Clock), NullLogger<AllowanceKeeper>.Instance);
        }

        public string Name { get; }

        /// <summary>Where its slots are.</summary>
        public string File { get; }

        public SqlAllowances Store { get; }

        public Allowances Allowances { get; }

        public AllowanceKeeper Keeper { get; }

        public ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(Id<User> user, long input, long output, SpendingAllowance? key = null, PricedModel? model = null, Id<Channel>? channel = null) =>
            Allowances.ReserveAsync(new AllowanceHolder(user, key, channel), model ?? _test.Model, new TokenUsage(input, output), Stop);

        /// <summary>A request that uses so much.</summary>
        public async Task<Money> UseAsync(Id<User> user, long input, long output, SpendingAllowance? key = null, PricedModel? model = null) =>
            (await ReserveAsync(user, input, output, key, model)).Value.Settle(new TokenUsage(input, output), model ?? _test.Model);

        public Task TurnAsync() => Keeper.TurnAsync(Stop);

        public Task StopAsync() => Keeper.StopAsync(Stop);

        public void Dispose()
        {
            Keeper.Dispose();
            _slots.Dispose();
        }
    }
}
