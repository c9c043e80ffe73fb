using System.Buffers.Binary;
using Stoa.Market.Channels;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Simulation.Payments;

/// <summary>What a payer asks of a node where it has a channel.</summary>
internal abstract record Question
{
    private Question()
    {
    }

    /// <summary>A paid call.</summary>
    /// <param name="Channel">Out of which it is paid.</param>
    /// <param name="Key">The same one again is the same call.</param>
    /// <param name="What">Hash of all that is asked for.</param>
    /// <param name="Voucher">Null to be told what it costs.</param>
    public sealed record Call(Id<Channel> Channel, string Key, ContentHash What, Voucher? Voucher) : Question;

    /// <summary>The deposit is to be so much in all.</summary>
    public sealed record TopUp(Id<Channel> Channel, Money Deposit) : Question;

    /// <summary>The payer ends its channel alone.</summary>
    public sealed record Close(Id<Channel> Channel, Voucher? Voucher) : Question;
}

/// <summary>What the node answers.</summary>
internal abstract record Answer
{
    private Answer()
    {
    }

    /// <summary>It has to be paid for.</summary>
    /// <param name="Amount">The most that it can cost.</param>
    /// <param name="Cumulative">What a voucher has to say in all; null where no channel was named with a voucher.</param>
    public sealed record Demand(Money Amount, Money? Cumulative) : Answer;

    /// <summary>The call is under way: ask again.</summary>
    public sealed record Accepted : Answer;

    /// <summary>Another request makes the call just now: ask again in a moment.</summary>
    public sealed record UnderWay : Answer;

    /// <summary>It was done.</summary>
    public sealed record Done(Money Charged, string Receipt) : Answer;

    /// <summary>It failed there, and costs nothing.</summary>
    public sealed record Failed : Answer;

    /// <summary>It is refused.</summary>
    public sealed record Refused(string Code) : Answer;

    /// <summary>So be it.</summary>
    public sealed record Agreed : Answer;
}

/// <summary>Carries questions and answers: what goes over the streams is eight bytes that stand for them. So what is signed by chance is in no history.</summary>
internal sealed class Letters
{
    public const string Protocol = "/stoa-simulation/calls/1";

    private readonly List<object> _letters = [];

    public ValueTask SendAsync(PeerStream stream, object letter, CancellationToken cancellationToken)
    {
        _letters.Add(letter);
        var number = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(number, _letters.Count - 1);
        return stream.WriteMessageAsync(number, cancellationToken);
    }

    public async Task<T> ReceiveAsync<T>(PeerStream stream, CancellationToken cancellationToken)
        where T : class
    {
        var number = await stream.ReadMessageAsync(sizeof(long), cancellationToken) ?? throw new EndOfStreamException("The other side has ended.");
        return (T)_letters[(int)BinaryPrimitives.ReadInt64LittleEndian(number.Span)];
    }
}
