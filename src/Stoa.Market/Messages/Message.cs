using System.Text;
using Stoa.Primitives;

namespace Stoa.Market.Messages;

/// <summary>Marks the ids of messages.</summary>
public sealed class Message : IIdentified
{
    private Message()
    {
    }

    public static string IdPrefix => "msg";
}

/// <summary>What somebody sends.</summary>
/// <param name="Body">At most <see cref="MessageRules.MaxBodyBytes"/>.</param>
/// <param name="ContentType">What the body is; <see cref="MessageRules.Json"/> for JSON, which it is then.</param>
/// <param name="DedupeKey">Of the same sender to the same mailbox one key stands for one message, for as long as the mailbox remembers it; null for none.</param>
/// <param name="CorrelationId">What a reply says again, so that it is known what it replies to; null for none.</param>
/// <param name="ReplyTo">Where a reply is expected; null for nowhere.</param>
/// <param name="ExpiresInSeconds">For how long it is of use; null for as long as the mailbox keeps it.</param>
public sealed record NewMessage(
    ReadOnlyMemory<byte> Body,
    string ContentType,
    string? DedupeKey = null,
    string? CorrelationId = null,
    MailboxAddress? ReplyTo = null,
    int? ExpiresInSeconds = null)
{
    /// <summary>Tells a repetition from another message under the same <see cref="DedupeKey"/>.</summary>
    public ContentHash Fingerprint() =>
        ContentHash.Of([.. Encoding.UTF8.GetBytes($"{ContentType}\n{CorrelationId}\n{ReplyTo}\n{ExpiresInSeconds}\n"), .. Body.Span]);
}

/// <summary>What came of sending.</summary>
/// <param name="Id">Of the message; of a repetition, the id of the first.</param>
/// <param name="IsDuplicate">Whether it was there before, so that nothing was sent now.</param>
public sealed record SentMessage(Id<Message> Id, bool IsDuplicate);

/// <summary>A message as it lies in a mailbox.</summary>
/// <param name="Id">The same in every delivery of it.</param>
/// <param name="Sender">Handle of the account that has sent it.</param>
/// <param name="Body">See <see cref="NewMessage"/>.</param>
/// <param name="ContentType">See <see cref="NewMessage"/>.</param>
/// <param name="CorrelationId">See <see cref="NewMessage"/>.</param>
/// <param name="ReplyTo">See <see cref="NewMessage"/>.</param>
/// <param name="SentAt">UTC.</param>
/// <param name="ExpiresAt">It is not handed out any more from then on.</param>
/// <param name="Deliveries">How often it was handed out.</param>
/// <param name="Topic">The address of the topic that it was published to; null when it was sent to the mailbox, or the topic is gone.</param>
public sealed record KeptMessage(
    Id<Message> Id,
    string Sender,
    ReadOnlyMemory<byte> Body,
    string ContentType,
    string? CorrelationId,
    string? ReplyTo,
    DateTimeOffset SentAt,
    DateTimeOffset ExpiresAt,
    int Deliveries,
    string? Topic);

/// <summary>A message in the hands of a receiver.</summary>
/// <param name="Message">It.</param>
/// <param name="Token">Says which delivery it is: whoever acknowledges, extends or returns it shows this.</param>
/// <param name="HeldUntil">It is handed out to nobody else before, unless it is returned.</param>
public sealed record Delivery(KeptMessage Message, DeliveryToken Token, DateTimeOffset HeldUntil);

/// <summary>A message that was handed out as often as its mailbox allows without being acknowledged.</summary>
/// <param name="Message">It; it is kept until its <see cref="KeptMessage.ExpiresAt"/>.</param>
/// <param name="DeadAt">Since when.</param>
public sealed record DeadLetter(KeptMessage Message, DateTimeOffset DeadAt);

/// <summary>One delivery that a receiver is done with.</summary>
/// <param name="Id">The message.</param>
/// <param name="Token">The delivery.</param>
public sealed record DeliveryMark(Id<Message> Id, DeliveryToken Token);
