using Stoa.Market;
using Stoa.Market.Disputes;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Disputes;
using Stoa.Node.Ledger;
using Stoa.Node.Membership;
using Stoa.Node.Tests.Membership;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Disputes;

/// <summary>What every keeper of disputes does.</summary>
public abstract class DisputeStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);
    private static readonly LeaseHolder s_self = new("self", "boot");
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private SystemAccounts _accounts = null!;
    private Id<User> _ann;

    private SqlDisputeStore Store => new(Database, _accounts, _ids);

    [Fact]
    public async Task Open_OfATaskTwice_HoldsOneDeposit()
    {
        await PrepareAsync(wallet: 100);
        var task = _ids.Next<AgentTask>();

        var first = (await Store.OpenAsync(Make(task, 70), Stop)).Value;
        var again = (await Store.OpenAsync(Make(task, 70), Stop)).Value;

        again.ShouldBe(first);
        (await WalletAsync()).ShouldBe((100, 70));
        (await Store.FindAsync(task, _ann, Stop)).ShouldBe(first);
        (await Store.FindAsync(task, _ids.Next<User>(), Stop)).ShouldBeNull();
        (await Store.ListAsync(_ann, new PageRequest(), Stop)).Items.ShouldBe([first]);
    }

    [Fact]
    public async Task Open_WithoutTheDeposit_IsRefusedAndLeavesNothing()
    {
        await PrepareAsync(wallet: 69);
        var task = _ids.Next<AgentTask>();

        (await Store.OpenAsync(Make(task, 70), Stop)).Refusal!.Code.ShouldBe(DisputeRefusal.InsufficientFunds);

        (await Store.FindAsync(task, _ann, Stop)).ShouldBeNull();
        (await WalletAsync()).ShouldBe((69, 0));
    }

    [Fact]
    public async Task Claim_IsOneNodesAlone_UntilItIsOffTheList()
    {
        await PrepareAsync(wallet: 100);
        await Store.OpenAsync(Make(_ids.Next<AgentTask>(), 70), Stop);
        await ListNodeAsync(s_self);

        (await Store.ClaimAsync(s_self, s_now.AddMilliseconds(-1), Stop)).ShouldBeNull("it is not due");
        var claimed = (await Store.ClaimAsync(s_self, s_now, Stop)).ShouldNotBeNull();
        (await Store.ClaimAsync(new LeaseHolder("other", "boot"), s_now, Stop)).ShouldBeNull();

        await Store.PostponeAsync(claimed, s_now.AddMinutes(1), Stop);
        (await Store.ClaimAsync(s_self, s_now, Stop)).ShouldBeNull();
        (await Store.ClaimAsync(s_self, s_now.AddMinutes(1), Stop)).ShouldNotBeNull().Dispute.State.ShouldBe(new DisputeState.Open(1, s_now.AddMinutes(1)));
    }

    [Fact]
    public async Task PutOff_LetsOthersComeFirst_AndCountsAsNoRun()
    {
        await PrepareAsync(wallet: 200);
        var (first, second) = (_ids.Next<AgentTask>(), _ids.Next<AgentTask>());
        await Store.OpenAsync(Make(first, 70), Stop);
        await Store.OpenAsync(Make(second, 70) with { State = new DisputeState.Open(0, s_now.AddSeconds(1)), OpenedAt = s_now.AddSeconds(1) }, Stop);
        await ListNodeAsync(s_self);
        var claimed = (await Store.ClaimAsync(s_self, s_now.AddSeconds(2), Stop)).ShouldNotBeNull();
        claimed.Dispute.TaskId.ShouldBe(first);

        await Store.PutOffAsync(claimed, s_now.AddMinutes(1), Stop);

        (await Store.ClaimAsync(s_self, s_now.AddSeconds(2), Stop)).ShouldNotBeNull().Dispute.TaskId.ShouldBe(second);
        (await Store.FindAsync(first, _ann, Stop))!.State.ShouldBe(new DisputeState.Open(0, s_now.AddMinutes(1)));
    }

    [Theory]
    [InlineData(DisputeVerdict.Rejected, 30)]
    [InlineData(DisputeVerdict.Upheld, 170)]
    [InlineData(DisputeVerdict.Undecided, 100)]
    public async Task Decide_MovesTheMoneyOnce(DisputeVerdict verdict, long wallet)
    {
        await PrepareAsync(wallet: 100, node: 50, platform: 20);
        var task = _ids.Next<AgentTask>();
        await Store.OpenAsync(Make(task, 70), Stop);
        await ListNodeAsync(s_self);
        var claimed = (await Store.ClaimAsync(s_self, s_now, Stop))!;
        var decided = new DisputeState.Decided(verdict, "It was looked at.", s_now.AddSeconds(5));

        (await Store.DecideAsync(claimed, decided, s_now.AddMinutes(10), Stop)).ShouldBeTrue();
        await Store.DecideAsync(claimed, decided, s_now.AddMinutes(10), Stop);

        (await Store.FindAsync(task, _ann, Stop))!.State.ShouldBe(decided);
        (await WalletAsync()).ShouldBe((wallet, 0));
        (await Store.ClaimAsync(s_self, s_now.AddDays(1), Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Decide_WithTooLittleToGiveBack_IsLookedAtAgainLater()
    {
        await PrepareAsync(wallet: 100, node: 50, platform: 19);
        var task = _ids.Next<AgentTask>();
        await Store.OpenAsync(Make(task, 70), Stop);
        await ListNodeAsync(s_self);
        var claimed = (await Store.ClaimAsync(s_self, s_now, Stop))!;

        (await Store.DecideAsync(claimed, new DisputeState.Decided(DisputeVerdict.Upheld, "False.", s_now), s_now.AddMinutes(10), Stop)).ShouldBeFalse();

        (await Store.FindAsync(task, _ann, Stop))!.State.ShouldBe(new DisputeState.Open(0, s_now.AddMinutes(10)));
        (await WalletAsync()).ShouldBe((100, 70));
    }

    private Dispute Make(Id<AgentTask> task, long price) =>
        new(_ids.Next<Dispute>(), task, _ann, "Wrong.", new Money(price), _ids.Next<Transfer>(), new DisputeState.Open(0, s_now), s_now);

    private async Task PrepareAsync(long wallet, long node = 0, long platform = 0)
    {
        var ledger = new SqlLedgerStore(Database);
        _accounts = await SystemAccounts.OpenAsync(ledger, _ids, TimeProvider.System, Stop);
        _ann = _ids.Next<User>();
        var account = await ledger.OpenAccountAsync(Account.Open(_ids.Next<Account>(), _ann.ToString(), AccountKind.Wallet, s_now), Stop);
        foreach (var (to, amount) in ((Id<Account>, long)[])[(account.Id, wallet), (_accounts.Node, node), (_accounts.Platform, platform)])
        {
            if (amount > 0)
            {
                (await ledger.ApplyAsync(
                    [new Transfer(_ids.Next<Transfer>(), TransferKind.Posted, _accounts.World, to, new Money(amount), null, TransferPurpose.Deposit, "test", s_now)], Stop)).Refusal.ShouldBeNull();
            }
        }
    }

    private async Task ListNodeAsync(LeaseHolder holder) => await new SqlNodeStore(Database).BeatAsync(holder, NodeStoreConformance.Silent, s_now, Stop);

    private async Task<(long Posted, long Held)> WalletAsync()
    {
        var wallet = (await new SqlLedgerStore(Database).FindAccountAsync(_ann.ToString(), AccountKind.Wallet, Stop))!;
        return (wallet.Posted.Nanodollars, wallet.PendingDebits.Nanodollars);
    }
}

public sealed class SqliteDisputeStoreTests() : DisputeStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresDisputeStoreTests(PostgresCluster cluster) : DisputeStoreConformance(new PostgresSource(cluster));
