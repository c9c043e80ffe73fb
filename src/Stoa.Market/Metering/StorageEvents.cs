using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Metering;

/// <summary>What is told of the payment of storage, to whose content it is.</summary>
public static class StorageEvents
{
    /// <summary>An hour could not be paid: nothing is deleted, and nothing more is taken in.</summary>
    /// <remarks>Data members: <c>contentBytes</c>, <c>price</c> of an hour, <c>hour</c>, <c>reason</c>.</remarks>
    public static NewEvent Unpaid(Id<User> user, long contentBytes, Money price, DateTimeOffset hour, UnpaidReason reason, DateTimeOffset now) => NewEvent.Create(
        EventTypes.StorageUnpaid, user.ToString(), user, now, json =>
        {
            json.WriteNumber("contentBytes", contentBytes);
            json.WriteString("price", price.ToString());
            json.WriteString("hour", SignedJson.Text(hour));
            json.WriteString("reason", reason is UnpaidReason.InsufficientFunds ? "insufficientFunds" : "budgetExhausted");
        });

    /// <summary>An hour is paid again.</summary>
    /// <remarks>Data members: <c>contentBytes</c>, <c>price</c> of an hour, <c>hour</c>.</remarks>
    public static NewEvent Paid(Id<User> user, long contentBytes, Money price, DateTimeOffset hour, DateTimeOffset now) => NewEvent.Create(
        EventTypes.StoragePaid, user.ToString(), user, now, json =>
        {
            json.WriteNumber("contentBytes", contentBytes);
            json.WriteString("price", price.ToString());
            json.WriteString("hour", SignedJson.Text(hour));
        });
}

/// <summary>Why storage or a transfer cannot be paid.</summary>
public enum UnpaidReason
{
    /// <summary>The wallet has too little available.</summary>
    InsufficientFunds,

    /// <summary>It does not fit into what a budget for everything has left.</summary>
    BudgetExhausted,
}

/// <summary>Every reason for which a download is not begun.</summary>
public enum TransferFeeRefusal
{
    /// <summary>The wallet has less available than what is to be sent costs.</summary>
    InsufficientFunds,

    /// <summary>It does not fit into what a budget for everything has left.</summary>
    BudgetExhausted,

    /// <summary>It is above what the API key may spend in a day.</summary>
    SpendingLimitReached,

    /// <summary>It costs something, and who asks for it may read but not spend.</summary>
    SpendingForbidden,
}
