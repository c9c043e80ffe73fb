using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Ledger;

/// <summary>What an account is for.</summary>
public enum AccountKind
{
    /// <summary>A user's wallet: pays for tasks, receives royalties. Never below zero.</summary>
    Wallet,

    /// <summary>What the operator of this node earned. Never below zero.</summary>
    Node,

    /// <summary>The market's own fee. Never below zero.</summary>
    Platform,

    /// <summary>Where a captured price rests between the consumer and those who share it; zero after every linked set.</summary>
    Clearing,

    /// <summary>What a payer has deposited in payment channels and is neither paid nor returned; one a payer. Never below zero.</summary>
    Channel,

    /// <summary>Outside of what users and operator have: the only kind that may go below zero. <c>world</c> is, by exactly what has been paid in; <c>sponsor</c> is, by exactly what the
    /// operator has given as credit and has not had back.</summary>
    World,

    /// <summary>What the operator has given a user to spend on tasks, by a plan or a coupon; one a user. It pays for tasks and for nothing else. Never below zero.</summary>
    Credit,
}

/// <summary>One account of the double-entry ledger with its balances.</summary>
/// <param name="Id">Client-made.</param>
/// <param name="Owner">Id of the user, or the word <c>node</c>, <c>platform</c>, <c>clearing</c>, <c>world</c>, <c>sponsor</c>; unique together with the kind.</param>
/// <param name="Kind">See <see cref="AccountKind"/>.</param>
/// <param name="Posted">Credits minus debits that are final.</param>
/// <param name="PendingDebits">Held: sum of open pending transfers out of this account.</param>
/// <param name="PendingCredits">Announced: sum of open pending transfers into this account.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record Account(
    Id<Account> Id,
    string Owner,
    AccountKind Kind,
    Money Posted,
    Money PendingDebits,
    Money PendingCredits,
    DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "acct";

    /// <summary>A new account, with nothing in it.</summary>
    public static Account Open(Id<Account> id, string owner, AccountKind kind, DateTimeOffset createdAt) =>
        new(id, owner, kind, Money.Zero, Money.Zero, Money.Zero, createdAt);

    /// <summary>What may still be spent: posted less held.</summary>
    public Money Available => Posted - PendingDebits;

    /// <summary>Whether the available balance may go below zero.</summary>
    public bool MayOverdraw => Kind is AccountKind.World;

    /// <summary>The id of a user's account of kind <see cref="AccountKind.Credit"/>. It follows from the user's, so that whoever sees a hold can tell without asking what it is held of.</summary>
    public static Id<Account> CreditOf(Id<User> user) => new(user.Uuid);
}
