using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Stoa.Network.Discovery;

/// <summary>What of DNS messages (RFC 1035, 6762) the discovery of peers needs: questions for services, their names, and texts.</summary>
/// <param name="IsAnswer">Whether it answers; otherwise it asks.</param>
/// <param name="Questions">Names that are asked for, in lower case with their dots.</param>
/// <param name="Pointers">From the name of a service to that of one who has it.</param>
/// <param name="Texts">Texts under a name.</param>
internal sealed record MdnsMessage(
    bool IsAnswer,
    IReadOnlyList<string> Questions,
    IReadOnlyList<(string Name, string Target)> Pointers,
    IReadOnlyList<(string Name, IReadOnlyList<string> Texts)> Texts)
{
    /// <summary>The longest message that is read or written, in bytes: what an Ethernet frame carries in one piece, and a little.</summary>
    public const int MaxLength = 9_000;

    private const int HeaderLength = 12;
    private const int MaxRecords = 64;
    private const int MaxNameLength = 255;
    private const int MaxTextLength = 255;
    private const ushort Pointer = 12;
    private const ushort Text = 16;
    private const ushort Any = 255;
    private const ushort Internet = 1;
    private const ushort ClassMask = 0x7fff;
    private const ushort AnswerFlags = 0x8400;

    /// <summary>A question for who has a service.</summary>
    public static byte[] Ask(string service)
    {
        var message = new List<byte>();
        Header(message, 0, questions: 1, answers: 0, additional: 0);
        Name(message, service);
        Number(message, Pointer);
        Number(message, Internet);
        return [.. message];
    }

    /// <summary>Says that somebody has a service, with texts that say more.</summary>
    /// <param name="service">Its name.</param>
    /// <param name="instance">Who has it.</param>
    /// <param name="texts">At most 255 bytes each.</param>
    /// <param name="lifetime">How long it may be remembered.</param>
    public static byte[] Answer(string service, string instance, IEnumerable<string> texts, TimeSpan lifetime)
    {
        var message = new List<byte>();
        Header(message, AnswerFlags, questions: 0, answers: 1, additional: 1);
        var target = new List<byte>();
        Name(target, instance);
        Record(message, service, Pointer, lifetime, target);
        var text = new List<byte>();
        foreach (var one in texts)
        {
            var bytes = Encoding.UTF8.GetBytes(one);
            if (bytes.Length > MaxTextLength || text.Count + bytes.Length > MaxLength / 2)
                continue;
            text.Add((byte)bytes.Length);
            text.AddRange(bytes);
        }

        Record(message, instance, Text, lifetime, text);
        return [.. message];
    }

    /// <summary>Reads a message; what of it is of no use here is left out.</summary>
    /// <returns>Whether it is one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out MdnsMessage? message)
    {
        message = null;
        if (bytes.Length is < HeaderLength or > MaxLength)
            return false;
        var isAnswer = (bytes[2] & 0x80) != 0;
        var questionCount = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        var recordCount = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) + BinaryPrimitives.ReadUInt16BigEndian(bytes[8..]) + BinaryPrimitives.ReadUInt16BigEndian(bytes[10..]);
        if (questionCount > MaxRecords || recordCount > MaxRecords)
            return false;
        var (questions, pointers, texts) = (new List<string>(), new List<(string, string)>(), new List<(string, IReadOnlyList<string>)>());
        var at = HeaderLength;
        for (var number = 0; number < questionCount; number++)
        {
            if (!TryReadName(bytes, ref at, out var name) || at + 4 > bytes.Length)
                return false;
            if (BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]) is Pointer or Any && (BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 2)..]) & ClassMask) == Internet)
                questions.Add(name);
            at += 4;
        }

        for (var number = 0; number < recordCount; number++)
        {
            if (!TryReadName(bytes, ref at, out var name) || at + 10 > bytes.Length)
                return false;
            var (type, length) = (BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]), BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 8)..]));
            at += 10;
            if (at + length > bytes.Length)
                return false;
            var data = at;
            if (type == Pointer && TryReadName(bytes, ref data, out var target))
                pointers.Add((name, target));
            else if (type == Text)
                texts.Add((name, ReadTexts(bytes.Slice(at, length))));
            at += length;
        }

        message = new MdnsMessage(isAnswer, questions, pointers, texts);
        return true;
    }

    private static List<string> ReadTexts(ReadOnlySpan<byte> data)
    {
        var texts = new List<string>();
        while (!data.IsEmpty && data.Length > data[0])
        {
            texts.Add(Encoding.UTF8.GetString(data.Slice(1, data[0])));
            data = data[(1 + data[0])..];
        }

        return texts;
    }

    private static bool TryReadName(ReadOnlySpan<byte> bytes, ref int at, out string name)
    {
        var text = new StringBuilder();
        name = "";
        var (position, hasJumped) = (at, false);
        // A name may go on where an earlier one is; only backwards, so it comes to an end.
        for (var lowest = at; position < bytes.Length;)
        {
            var length = bytes[position];
            if (length == 0)
            {
                if (!hasJumped)
                    at = position + 1;
                name = text.ToString();
                return true;
            }

            if ((length & 0xc0) == 0xc0)
            {
                if (position + 1 >= bytes.Length)
                    return false;
                var target = BinaryPrimitives.ReadUInt16BigEndian(bytes[position..]) & 0x3fff;
                if (target >= lowest)
                    return false;
                if (!hasJumped)
                    at = position + 2;
                (position, lowest, hasJumped) = (target, target, true);
                continue;
            }

            if (length > 63 || position + 1 + length > bytes.Length || text.Length + length > MaxNameLength)
                return false;
            text.Append(Encoding.ASCII.GetString(bytes.Slice(position + 1, length)).ToLowerInvariant()).Append('.');
            position += 1 + length;
        }

        return false;
    }

    private static void Header(List<byte> message, ushort flags, ushort questions, ushort answers, ushort additional)
    {
        foreach (var number in new[] { (ushort)0, flags, questions, answers, (ushort)0, additional })
            Number(message, number);
    }

    private static void Record(List<byte> message, string name, ushort type, TimeSpan lifetime, List<byte> data)
    {
        Name(message, name);
        Number(message, type);
        Number(message, Internet);
        Number(message, 0);
        Number(message, (ushort)lifetime.TotalSeconds);
        Number(message, (ushort)data.Count);
        message.AddRange(data);
    }

    private static void Name(List<byte> message, string name)
    {
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            message.Add((byte)label.Length);
            message.AddRange(Encoding.ASCII.GetBytes(label));
        }

        message.Add(0);
    }

    private static void Number(List<byte> message, ushort number)
    {
        message.Add((byte)(number >> 8));
        message.Add((byte)number);
    }
}
