extern alias faults;

using faults::Stoa.Faults;
using faults::Stoa.Faults.Books;
using faults::Stoa.Faults.Load;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Faults;

/// <summary>What fault runs find in books that were doctored: a check that cannot fail says nothing.</summary>
public sealed class BooksTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new Random(1));
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);
    private static readonly Id<Account> s_clearing = s_ids.Next<Account>();
    private static readonly Id<Account> s_node = s_ids.Next<Account>();
    private static readonly Id<Account> s_platform = s_ids.Next<Account>();
    private static readonly Id<Account> s_credit = s_ids.Next<Account>();
    private static readonly Id<Account> s_wallet = s_ids.Next<Account>();

    private static readonly Dictionary<string, Id<Account>> s_wallets =
        new(StringComparer.Ordinal) { ["ann"] = s_ids.Next<Account>(), ["ben"] = s_ids.Next<Account>(), ["cy"] = s_ids.Next<Account>() };

    private static readonly Moved[] s_moved =
    [
        new(TransferPurpose.TaskCapture, s_clearing, new Money(300)),
        new(TransferPurpose.CreatorShare, s_wallets["ann"], new Money(70)),
        new(TransferPurpose.Royalty, s_wallets["ben"], new Money(100)),
        new(TransferPurpose.Royalty, s_wallets["cy"], new Money(40)),
        new(TransferPurpose.NodeShare, s_node, new Money(75)),
        new(TransferPurpose.PlatformShare, s_platform, new Money(15)),
    ];

    public static TheoryData<string, int> Doctored => new()
    {
        { "a share is missing", 1 },
        { "a share twice", 1 },
        { "a nanodollar less", 2 },
        { "to somebody else", 2 },
        { "nothing at all", 6 },
    };

    private static ReceiptShares Shares => new(s_wallets, s_clearing, s_node, s_platform);

    [Fact]
    public void Shares_ThatAreThoseOfTheReceiptAndItsCalls_Agree() => Shares.Compare(NewReceipt(), s_moved.Reverse()).ShouldBeEmpty();

    [Theory]
    [MemberData(nameof(Doctored))]
    public void Shares_ThatAreOthersThanTheReceiptSays_AreFound(string how, int findings)
    {
        Moved[] doctored = how switch
        {
            "a share is missing" => [.. s_moved.Where((_, place) => place != 3)],
            "a share twice" => [.. s_moved, s_moved[2]],
            "a nanodollar less" => [.. s_moved[..^1], s_moved[^1] with { Amount = new Money(14) }],
            "to somebody else" => [.. s_moved[..2], s_moved[2] with { To = s_wallets["cy"] }, .. s_moved[3..]],
            _ => [],
        };

        Shares.Compare(NewReceipt(), doctored).Count().ShouldBe(findings);
    }

    [Fact]
    public void Shares_OfAReceiptWhoseCallEarnedOtherwise_AreFound()
    {
        var receipt = NewReceipt();
        var call = receipt.Calls[0];
        var lie = receipt with { Calls = [call with { Royalties = [call.Royalties[0] with { Amount = new Money(101) }, call.Royalties[1] with { Amount = new Money(39) }] }] };

        Shares.Compare(lie, s_moved).Count().ShouldBe(4);
    }

    [Fact]
    public void Credit_ThatIsSpentFirst_WithWhatJoinedItAndCameBack_IsRight()
    {
        var (trail, broken) = Follow(100, [.. Spend("task-1", hold: 60, price: 50), .. Spend("task-2", hold: 120, price: 90, joined: 70)]);

        trail.Close([new StoredCreditHold("task-2", new Money(50), new Money(40))]);

        broken.ShouldBeEmpty();
        (trail.Given, trail.Captured, trail.Own).ShouldBe((new Money(100), new Money(140), new Money(40)));
    }

    [Fact]
    public void Credit_ThatIsLeftWhenOwnMoneyJoins_IsFound() =>
        Follow(100, Spend("task-1", hold: 120, price: 90, joined: 30)).Broken.ShouldHaveSingleItem().ShouldContain("was left");

    [Theory]
    [InlineData(50L, 39L)]
    [InlineData(49L, 40L)]
    [InlineData(50L, null)]
    public void Credit_ThatIsStoredOtherwiseThanMoved_IsFound(long credit, long? paid)
    {
        var (trail, broken) = Follow(50, Spend("task-1", hold: 120, price: 90, joined: 70));

        trail.Close([new StoredCreditHold("task-1", new Money(credit), paid is { } own ? new Money(own) : null)]);

        broken.ShouldHaveSingleItem().ShouldStartWith("task-1 ");
    }

    [Fact]
    public void OwnMoney_ThatJoinsTwice_OrOfWhichNothingIsStored_IsFound()
    {
        var transfers = Spend("task-1", hold: 120, price: 90, joined: 70).ToList();
        var (trail, broken) = Follow(50, [transfers[0], .. transfers]);

        trail.Close([]);

        broken.Count.ShouldBe(3);
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Session_WhoseTokenSomebodyElseHasUsed_CountsAsLost_AndOneThatRepeatsDoesNot()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var node = await TestNode.StartAsync();
        using var anonymous = new StoaClient(node.Client.Options with { ApiKey = null, MaxAttempts = 1 });
        await anonymous.RegisterAsync(new RegisterRequest("ann", "ann@example.org", "a long enough password"), stop);
        var report = new FaultReport("test");
        using var session = new KeptSession("ann", "a long enough password", isInCell: false, report);
        await session.GetTokenAsync(anonymous, TimeSpan.Zero, stop);

        // An answer that is lost: the node has made the next token, and nobody has heard of it.
        using (var deaf = new StoaClient(anonymous.Options with { Handler = new Deaf() }))
        {
            session.Doubt();
            await Should.ThrowAsync<NodeUnreachableException>(() => session.GetTokenAsync(deaf, TimeSpan.Zero, stop));
        }

        await session.GetTokenAsync(anonymous, TimeSpan.Zero, stop);
        (session.Refreshed, session.Repeated, session.Lost).ShouldBe((1, 1, 0));
        report.Broken.ShouldBeEmpty();

        var thief = session.RefreshToken;
        for (var theft = 0; theft < 2; theft++)
            thief = (await anonymous.RefreshSessionAsync(new RefreshSessionRequest(thief), stop)).RefreshToken;
        session.Doubt();
        await Should.ThrowAsync<StoaException>(() => session.GetTokenAsync(anonymous, TimeSpan.Zero, stop));
        session.Lost.ShouldBe(1);
        report.Broken.ShouldHaveSingleItem().ShouldContain("was lost");
    }

    /// <summary>A task of ann's agent that cost 100, in which ben's was called for 200, with a part for cy.</summary>
    private static Receipt NewReceipt()
    {
        using var key = PrivateKey.Generate();
        var (nothing, usage, limits) = (ContentHash.Of([]), new Usage(1, 2, 3, 4, 5), new AgentLimits(1, 2, 3, 4, 5));
        var (agent, called) = (ListingName.Parse("ann/top@1.0.0"), ListingName.Parse("ben/deep@1.0.0"));
        var pricing = new ReceiptPricing(new AgentPrice(Money.Zero, Money.Zero, Money.Zero), 1);
        return new Receipt(
            s_ids.Next<Receipt>(), s_ids.Next<AgentTask>(), s_ids.Next<User>(), agent, nothing, nothing, [], limits, 1, 1, nothing, nothing, usage, new Money(300),
            new Shares(new Money(210), new Money(75), new Money(15)), key.PublicKey, s_now, pricing)
        {
            Calls =
            [
                new ReceiptCall(
                    1, null, called, nothing, limits, nothing, nothing, usage, null, pricing, new Money(200), new Shares(new Money(140), new Money(50), new Money(10)),
                    [new ReceiptRoyalty("ben", called, new Money(100)), new ReceiptRoyalty("cy", called, new Money(40))]),
            ],
        };
    }

    /// <summary>The transfers of a task that is held of credit, and ends.</summary>
    private static IEnumerable<Transfer> Spend(string task, long hold, long price, long joined = 0)
    {
        var held = Move(TransferKind.Pending, s_credit, s_clearing, hold, TransferPurpose.TaskHold, task);
        if (joined > 0)
            yield return Move(TransferKind.Posted, s_wallet, s_credit, joined, TransferPurpose.CreditTopUp, task);
        yield return held;
        yield return Move(TransferKind.PostPending, s_credit, s_clearing, price, TransferPurpose.TaskCapture, task) with { PendingId = held.Id };
        // What was joined and the task did not need.
        if (joined - (price - (hold - joined)) is > 0 and var back && joined > 0)
            yield return Move(TransferKind.Posted, s_credit, s_wallet, back, TransferPurpose.CreditReturn, task);
    }

    private static Transfer Move(TransferKind kind, Id<Account> from, Id<Account> to, long amount, TransferPurpose purpose, string cause) =>
        new(s_ids.Next<Transfer>(), kind, from, to, new Money(amount), null, purpose, cause, s_now);

    private static (CreditTrail Trail, List<string> Broken) Follow(long given, IEnumerable<Transfer> transfers)
    {
        var broken = new List<string>();
        var trail = new CreditTrail(new HashSet<Id<Account>> { s_credit }, broken.Add);
        trail.Add(Move(TransferKind.Posted, s_wallet, s_credit, given, TransferPurpose.PlanCredit, "grant"));
        foreach (var transfer in transfers)
            trail.Add(transfer);
        return (trail, broken);
    }

    /// <summary>A network on which answers are lost.</summary>
    private sealed class Deaf() : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using var lost = await base.SendAsync(request, cancellationToken);
            throw new HttpRequestException("The answer is lost.");
        }
    }
}
