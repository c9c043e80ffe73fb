using Stoa.Market.Ledger;

namespace Stoa.Market.Tests.Ledger;

/// <summary>The rules as tables: what is in the books, what is entered, what comes of it.</summary>
/// <remarks>
/// Accounts are named by a word; their kind is that of <see cref="Books"/>. Transfers are written
/// <c>id kind debit&gt;credit amount [pending]</c>, several in a set separated by semicolons.
/// </remarks>
public sealed class LedgerRulesTests
{
    [Theory]
    // Posted
    [InlineData("a post world>ann 10", "world -10; ann 10")]
    [InlineData("a post world>ann 10; b post ann>bob 10", "world -10; bob 10")]
    [InlineData("a post world>ann 10; b post ann>world 4", "world -6; ann 6")]
    [InlineData("a post world>ann 9223372036854775807", "world -9223372036854775807; ann 9223372036854775807")]
    // Pending and its resolutions
    [InlineData("a post world>ann 10; h hold ann>clearing 7", "world -10; ann 10 -7; clearing 0 +7")]
    [InlineData("a post world>ann 10; h hold ann>bob 7; p capture ann>bob 7 h", "world -10; ann 3; bob 7")]
    [InlineData("a post world>ann 10; h hold ann>bob 7; p capture ann>bob 2 h", "world -10; ann 8; bob 2")]
    [InlineData("a post world>ann 10; h hold ann>bob 7; p capture ann>bob 0 h", "world -10; ann 10")]
    [InlineData("a post world>ann 10; h hold ann>bob 7; v void ann>bob 0 h", "world -10; ann 10")]
    [InlineData("a post world>ann 10; h hold ann>bob 7; i hold ann>bob 3; v void ann>bob 0 h", "world -10; ann 10 -3; bob 0 +3")]
    [InlineData("h hold world>ann 10", "world 0 -10; ann 0 +10")]
    // The main job: hold, then capture and shares in one set
    [InlineData(
        "a post world>ann 10; h hold ann>clearing 7; p capture ann>clearing 5 h; s post clearing>bob 3; t post clearing>node 1; u post clearing>platform 1",
        "world -10; ann 5; bob 3; node 1; platform 1")]
    // Entered twice
    [InlineData("a post world>ann 10; a post world>ann 10", "world -10; ann 10")]
    [InlineData("a post world>ann 10; h hold ann>bob 7; h hold ann>bob 7", "world -10; ann 10 -7; bob 0 +7")]
    [InlineData("a post world>ann 10; h hold ann>bob 7; v void ann>bob 0 h; v void ann>bob 0 h", "world -10; ann 10")]
    public void Set_Accepted_LeavesBalances(string set, string balances)
    {
        var books = new Books();

        books.Enter(set).ShouldBeNull();

        books.ToString().ShouldBe(balances);
    }

    [Theory]
    [InlineData("", "a post world>ann 0", TransferRefusal.AmountNotPositive)]
    [InlineData("", "a post world>ann -1", TransferRefusal.AmountNotPositive)]
    [InlineData("", "a hold world>ann 0", TransferRefusal.AmountNotPositive)]
    [InlineData("h hold world>ann 5", "p capture world>ann -1 h", TransferRefusal.AmountNotPositive)]
    [InlineData("h hold world>ann 5", "p void world>ann -1 h", TransferRefusal.AmountNotPositive)]
    [InlineData("", "a post world>world 1", TransferRefusal.AccountsSame)]
    [InlineData("", "a post nobody>ann 1", TransferRefusal.DebitAccountUnknown)]
    [InlineData("", "a post world>nobody 1", TransferRefusal.CreditAccountUnknown)]
    [InlineData("a post world>ann 10", "b post ann>bob 11", TransferRefusal.InsufficientFunds)]
    [InlineData("a post world>ann 10", "b hold ann>bob 11", TransferRefusal.InsufficientFunds)]
    [InlineData("a post world>ann 10; h hold ann>bob 7", "b post ann>bob 4", TransferRefusal.InsufficientFunds)]
    [InlineData("a post world>ann 10; h hold ann>bob 7", "b post bob>ann 1", TransferRefusal.InsufficientFunds)]
    [InlineData("a post world>ann 9223372036854775807", "b post world>bob 1", TransferRefusal.BalanceOverflow)]
    [InlineData("a hold world>ann 9223372036854775807", "b post world>bob 1", TransferRefusal.BalanceOverflow)]
    [InlineData("a hold world>ann 9223372036854775807", "b hold world>bob 1", TransferRefusal.BalanceOverflow)]
    [InlineData("a post world>ann 9223372036854775807", "b post abroad>ann 1", TransferRefusal.BalanceOverflow)]
    [InlineData("a post world>ann 9223372036854775807", "b hold abroad>ann 1", TransferRefusal.BalanceOverflow)]
    [InlineData("a hold world>ann 9223372036854775807", "b post abroad>ann 1", TransferRefusal.BalanceOverflow)]
    [InlineData("a post world>ann 10", "a post world>ann 11", TransferRefusal.IdReusedWithOtherContent)]
    [InlineData("a post world>ann 10", "a post world>bob 10", TransferRefusal.IdReusedWithOtherContent)]
    [InlineData("a post world>ann 10", "a hold world>ann 10", TransferRefusal.IdReusedWithOtherContent)]
    [InlineData("a post world>ann 10", "a post world>nobody -1", TransferRefusal.IdReusedWithOtherContent)]
    [InlineData("", "p capture world>ann 1 h", TransferRefusal.PendingUnknown)]
    [InlineData("", "p capture world>ann 1", TransferRefusal.PendingUnknown)]
    [InlineData("a post world>ann 10", "p capture world>ann 1 a", TransferRefusal.PendingUnknown)]
    [InlineData("h hold world>ann 5; p capture world>ann 5 h", "q capture world>ann 0 p", TransferRefusal.PendingUnknown)]
    [InlineData("h hold world>ann 5; p capture world>ann 5 h", "q capture world>ann 1 h", TransferRefusal.PendingAlreadyResolved)]
    [InlineData("h hold world>ann 5; p capture world>ann 5 h", "q void world>ann 0 h", TransferRefusal.PendingAlreadyResolved)]
    [InlineData("h hold world>ann 5; p void world>ann 0 h", "q capture world>ann 1 h", TransferRefusal.PendingAlreadyResolved)]
    [InlineData("h hold world>ann 5", "p capture world>bob 5 h", TransferRefusal.PendingAccountsDiffer)]
    [InlineData("h hold world>ann 5", "p void ann>world 0 h", TransferRefusal.PendingAccountsDiffer)]
    [InlineData("h hold world>ann 5", "p capture world>ann 6 h", TransferRefusal.AmountExceedsPending)]
    [InlineData("h hold world>ann 5", "p void world>ann 1 h", TransferRefusal.AmountExceedsPending)]
    public void Set_Refused_SaysWhyAndLeavesBalances(string before, string set, TransferRefusal refusal)
    {
        var books = new Books();
        books.Enter(before).ShouldBeNull();
        var balances = books.ToString();

        books.Enter(set).ShouldBe(refusal);
        // A set is all or nothing, wherever in it the refused transfer stands.
        books.Enter($"x post world>carl 1; {set}").ShouldBe(refusal);
        books.Enter($"{set}; x post world>carl 1").ShouldBe(refusal);

        books.ToString().ShouldBe(balances);
    }

    [Fact]
    public void Refusals_AreAllInTheTable()
    {
        var told = typeof(LedgerRulesTests).GetMethod(nameof(Set_Refused_SaysWhyAndLeavesBalances))!
            .GetCustomAttributes(typeof(InlineDataAttribute), inherit: false)
            .Select(row => (TransferRefusal)((InlineDataAttribute)row).Data[2]!);

        told.Distinct().Order().ShouldBe(Enum.GetValues<TransferRefusal>());
    }

    [Fact]
    public void Set_EnteredAgainInPart_AddsOnlyWhatIsNew()
    {
        var books = new Books();
        books.Enter("a post world>ann 10").ShouldBeNull();

        books.Enter("a post world>ann 10; b post ann>bob 3").ShouldBeNull();

        books.ToString().ShouldBe("world -10; ann 7; bob 3");
    }

    [Fact]
    public void Transfer_EnteredAgainLater_IsTheOneThatWasFirst()
    {
        var books = new Books();
        var first = Books.Read("a post world>ann 10").Single();
        var again = first with { CreatedAt = first.CreatedAt.AddDays(1) };
        books.Apply([first]);

        var change = books.Apply([again]).Value;

        change.Applied.ShouldBe([first]);
        change.Added.ShouldBeEmpty();
        change.Accounts.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("h hold ann>clearing 7; p capture ann>clearing 5 h")]
    [InlineData("h hold ann>clearing 7; p capture ann>clearing 5 h; s post clearing>bob 4")]
    [InlineData("s post ann>clearing 1")]
    public void Set_LeavingMoneyInClearing_IsABug(string set)
    {
        var books = new Books();
        books.Enter("a post world>ann 10");

        Should.Throw<ArgumentException>(() => books.Enter(set));
    }

    [Fact]
    public void Transfer_ThatResolvesNothingButNamesAPending_IsABug()
    {
        var books = new Books();
        books.Enter("h hold world>ann 7");

        Should.Throw<ArgumentException>(() => books.Enter("a post world>ann 1 h"));
    }

    [Fact]
    public void Refusal_ForWantOfFunds_SaysHowMuchIsMissing()
    {
        var books = new Books();
        books.Enter("a post world>ann 1000000000; h hold ann>bob 250000000");

        var refusal = books.Apply(Books.Read("b post ann>bob 1000000000")).Refusal;

        refusal!.Detail.ShouldContain("0.750000000 USD are available");
        refusal.Detail.ShouldContain("0.250000000 USD are missing");
    }
}
