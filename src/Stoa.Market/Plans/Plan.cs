using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Plans;

/// <summary>One version of a plan. It never changes: whoever has subscribed to it keeps these terms until he changes.</summary>
/// <param name="Id">Of the version.</param>
/// <param name="Name">Of the plan: lower-case letters, digits and hyphens.</param>
/// <param name="Version">From 1.</param>
/// <param name="Description">For people.</param>
/// <param name="Terms">What it costs and gives.</param>
/// <param name="IsOffered">Whether it can be subscribed to: the newest version of a plan that was not withdrawn.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Plan(
    Id<Plan> Id, string Name, int Version, string Description, PlanTerms Terms, bool IsOffered, DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "plan";
}

/// <summary>What a plan costs and gives.</summary>
/// <param name="Price">Of a month; zero for a free plan.</param>
/// <param name="Credit">Included in a month; zero for none.</param>
/// <param name="OpenTasks">How many tasks of a subscriber may wait or run; null for as many as everybody's.</param>
/// <param name="ContentBytes">How much a subscriber may have in the content store; null for as much as everybody.</param>
public sealed record PlanTerms(Money Price, Money Credit, long? OpenTasks, long? ContentBytes);

/// <summary>Why money of plans and coupons moves, as transfers.</summary>
public static class PlanTransfers
{
    /// <summary>The price of a period, or of the rest of one.</summary>
    /// <param name="subscription">What is paid for.</param>
    /// <param name="what">Which of its payments: the same one has the same id, so it is made once.</param>
    /// <param name="wallet">Who pays.</param>
    /// <param name="platform">Who is paid.</param>
    /// <param name="amount">Above zero.</param>
    /// <param name="now">UTC.</param>
    public static Transfer Fee(Id<Subscription> subscription, string what, Id<Account> wallet, Id<Account> platform, Money amount, DateTimeOffset now) => new(
        DerivedId.Of(subscription.Uuid, what), TransferKind.Posted, wallet, platform, amount, null, TransferPurpose.PlanFee, subscription.ToString(), now);

    /// <summary>Gives credit.</summary>
    public static Transfer Give(CreditGrant grant, Id<Account> sponsor, DateTimeOffset now) => new(
        DerivedId.Of(grant.Id.Uuid, "given"),
        TransferKind.Posted,
        sponsor,
        Account.CreditOf(grant.UserId),
        grant.Amount,
        null,
        grant.Source is CreditSource.Coupon ? TransferPurpose.CouponCredit : TransferPurpose.PlanCredit,
        grant.Id.ToString(),
        now);

    /// <summary>Takes back what was not spent in time. A grant that tasks hold of at its end expires in several steps.</summary>
    /// <param name="grant">As it was before.</param>
    /// <param name="amount">Above zero, no more than it has left.</param>
    /// <param name="sponsor">Where it goes.</param>
    /// <param name="now">UTC.</param>
    public static Transfer Expire(CreditGrant grant, Money amount, Id<Account> sponsor, DateTimeOffset now) => new(
        DerivedId.Of(grant.Id.Uuid, FormattableString.Invariant($"expired at {grant.Remaining.Nanodollars}")),
        TransferKind.Posted,
        Account.CreditOf(grant.UserId),
        sponsor,
        amount,
        null,
        TransferPurpose.CreditExpiry,
        grant.Id.ToString(),
        now);

    /// <summary>Takes back credit that is of no grant any more, of a user who goes.</summary>
    /// <param name="id">Of the transfer.</param>
    /// <param name="user">Whose it is.</param>
    /// <param name="amount">Above zero, no more than what is there and not held.</param>
    /// <param name="sponsor">Where it goes.</param>
    /// <param name="now">UTC.</param>
    public static Transfer TakeBack(Id<Transfer> id, Id<User> user, Money amount, Id<Account> sponsor, DateTimeOffset now) =>
        new(id, TransferKind.Posted, Account.CreditOf(user), sponsor, amount, null, TransferPurpose.CreditExpiry, user.ToString(), now);
}
