using System.Text;
using Stoa.Primitives;

namespace Stoa.Network.Negotiation;

/// <summary>Agrees on the protocol that a connection or stream speaks: multistream-select 1.0 of libp2p.</summary>
/// <remarks>
/// Each message is a line, its length in front as a varint. Both sides say <c>/multistream/1.0.0</c>; the one that opened names a protocol; the other repeats it, or says
/// <c>na</c>, and the next is named. Bytes are read one by one, so that nothing of the protocol that follows is taken.
/// </remarks>
public static class MultistreamSelect
{
    /// <summary>The longest line in bytes, its line feed with it.</summary>
    public const int MaxLineLength = 256;

    /// <summary>How many protocols one side may name before the other gives up.</summary>
    public const int MaxProposals = 32;

    private const string Header = "/multistream/1.0.0";
    private const string NotAvailable = "na";

    /// <summary>Proposes protocols, the best first, until the other side takes one.</summary>
    /// <returns>The one that was taken.</returns>
    /// <exception cref="NegotiationException">It took none, or does not speak multistream-select.</exception>
    /// <exception cref="IOException">The stream was lost.</exception>
    public static async Task<string> ProposeAsync(Stream stream, IReadOnlyList<string> protocols, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(protocols);
        // Header and first proposal go together: one round trip when it is taken.
        await stream.WriteAsync((byte[])[.. ToLine(Header), .. ToLine(protocols[0])], cancellationToken);
        await stream.FlushAsync(cancellationToken);
        await ExpectHeaderAsync(stream, cancellationToken);
        for (var index = 0; ; index++)
        {
            var answer = await ReadLineAsync(stream, cancellationToken);
            if (answer == protocols[index])
                return answer;
            if (answer != NotAvailable)
                throw new NegotiationException("The other side answered a proposal with neither the protocol nor na.");
            if (index + 1 == protocols.Count)
                throw new NegotiationException($"The other side speaks none of {string.Join(", ", protocols)}.", isNothingInCommon: true);
            await stream.WriteAsync(ToLine(protocols[index + 1]), cancellationToken);
            await stream.FlushAsync(cancellationToken);
        }
    }

    /// <summary>What <see cref="ProposeAsync"/> of one protocol sends, for those who do not wait for the answer before they write.</summary>
    public static byte[] ToProposal(string protocol) => [.. ToLine(Header), .. ToLine(protocol)];

    /// <summary>Reads the answer to a <see cref="ToProposal"/>.</summary>
    /// <exception cref="NegotiationException">It is no.</exception>
    public static async Task ExpectAsync(Stream stream, string protocol, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        await ExpectHeaderAsync(stream, cancellationToken);
        var answer = await ReadLineAsync(stream, cancellationToken);
        if (answer != protocol)
            throw new NegotiationException($"The other side does not speak {protocol}.", isNothingInCommon: answer == NotAvailable);
    }

    /// <summary>Answers proposals until one is of a protocol that is spoken here.</summary>
    /// <returns>That protocol.</returns>
    /// <exception cref="NegotiationException">The other side gave up or broke the rules.</exception>
    /// <exception cref="IOException">The stream was lost.</exception>
    public static async Task<string> AnswerAsync(Stream stream, Func<string, bool> isSpoken, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(isSpoken);
        await ExpectHeaderAsync(stream, cancellationToken);
        var isFirst = true;
        for (var count = 0; count < MaxProposals; count++)
        {
            var proposal = await ReadProposalAsync(stream, isFirst, cancellationToken);
            var isTaken = isSpoken(proposal);
            byte[] answer = [.. isFirst ? ToLine(Header) : [], .. ToLine(isTaken ? proposal : NotAvailable)];
            await stream.WriteAsync(answer, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            if (isTaken)
                return proposal;
            isFirst = false;
        }

        throw new NegotiationException($"{MaxProposals} protocols were proposed, and none of them is spoken here.", isNothingInCommon: true);
    }

    private static async Task<string> ReadProposalAsync(Stream stream, bool isFirst, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadLineAsync(stream, cancellationToken);
        }
        catch (NegotiationException broken) when (!isFirst)
        {
            // Whoever does not wait for the answer has sent what was meant for the protocol that was refused: no breach of the rules.
            throw new NegotiationException(broken.Message, isNothingInCommon: true);
        }
    }

    private static async Task ExpectHeaderAsync(Stream stream, CancellationToken cancellationToken)
    {
        if (await ReadLineAsync(stream, cancellationToken) != Header)
            throw new NegotiationException("The other side does not speak multistream-select 1.0.");
    }

    private static byte[] ToLine(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text) + 1;
        if (length > MaxLineLength)
            throw new ArgumentException($"The name of a protocol has at most {MaxLineLength - 1} bytes, not {length - 1}.", nameof(text));
        var line = new byte[Varint.LengthOf((ulong)length) + length];
        var start = Varint.Write((ulong)length, line);
        Encoding.UTF8.GetBytes(text, line.AsSpan(start));
        line[^1] = (byte)'\n';
        return line;
    }

    private static async Task<string> ReadLineAsync(Stream stream, CancellationToken cancellationToken)
    {
        // Most lines are short, and there are four of them to a stream.
        var line = new byte[32];
        var length = 0;
        for (var shift = 0; ; shift += 7)
        {
            await stream.FillAsync(line.AsMemory(0, 1), cancellationToken);
            length |= (line[0] & 0x7f) << shift;
            if (line[0] < 0x80)
                break;
            if (shift > 0)
                throw new NegotiationException("The other side sent a line that is too long.");
        }

        if (length is 0 or > MaxLineLength)
            throw new NegotiationException($"The other side sent a line of {length} bytes; one of 1 to {MaxLineLength} is expected.");
        if (length > line.Length)
            line = new byte[length];
        await stream.FillAsync(line.AsMemory(0, length), cancellationToken);
        if (line[length - 1] != (byte)'\n')
            throw new NegotiationException("The other side sent a line without its end.");
        return Encoding.UTF8.GetString(line, 0, length - 1);
    }
}
