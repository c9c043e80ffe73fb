using Google.Protobuf;

namespace Stoa.Network.Gossip;

/// <summary>Reads exchanges, but counts before it reads: a megabyte can hold half a million empty messages, each an object when it is read.</summary>
internal static class RpcShape
{
    private const int ControlField = 3;
    private const int LastControlWithIds = 2;
    private const int PartKinds = 16;
    private const int MaxVarintLength = 10;

    private static readonly MessageParser<Wire.Rpc> s_parser = Wire.Rpc.Parser.WithDiscardUnknownFields(true);

    /// <summary>Reads one.</summary>
    /// <exception cref="InvalidDataException">It is none, or has more of something than it may.</exception>
    public static Wire.Rpc Read(ReadOnlySpan<byte> bytes, GossipOptions options)
    {
        // Of the fields of an exchange, and from there on of a control message. All that are unknown are one kind.
        Span<int> parts = stackalloc int[PartKinds];
        parts.Clear();
        var ids = 0;
        var fields = new Fields(bytes);
        while (fields.Next())
        {
            Add(parts, fields.Number, options.MaxPartsInRpc);
            if (fields.Number != ControlField || !fields.HasLength)
                continue;
            var control = new Fields(fields.Content);
            while (control.Next())
            {
                Add(parts, ControlField + control.Number, options.MaxPartsInRpc);
                if (control.Number > LastControlWithIds || !control.HasLength)
                    continue;
                var one = new Fields(control.Content);
                while (one.Next())
                {
                    if (++ids > options.MaxIdsInRpc)
                        throw new InvalidDataException($"An exchange has at most {options.MaxIdsInRpc} ids of messages.");
                }
            }
        }

        try
        {
            return s_parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException("An exchange of gossipsub is expected.", e);
        }
    }

    private static void Add(Span<int> parts, int kind, int max)
    {
        if (++parts[Math.Min(kind, PartKinds - 1)] > max)
            throw new InvalidDataException($"An exchange has at most {max} parts of a kind.");
    }

    /// <summary>Goes through the fields of a protobuf message without reading them.</summary>
    private ref struct Fields(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public int Number { get; private set; }

        public bool HasLength { get; private set; }

        public ReadOnlySpan<byte> Content { get; private set; }

        public bool Next()
        {
            if (_rest.IsEmpty)
                return false;
            var tag = ReadVarint();
            Number = (int)Math.Min(tag >> 3, PartKinds);
            HasLength = (tag & 7) == 2;
            ulong length = (tag & 7) switch
            {
                0 => VarintLength(),
                1 => sizeof(ulong),
                2 => ReadVarint(),
                5 => sizeof(uint),
                // Groups, which proto3 does not have.
                _ => throw Broken(),
            };
            if (length > (ulong)_rest.Length)
                throw Broken();
            Content = _rest[..(int)length];
            _rest = _rest[(int)length..];
            return true;
        }

        private readonly ulong VarintLength()
        {
            var length = _rest.IndexOfAnyInRange<byte>(0, 0x7f) + 1;
            return length is 0 or > MaxVarintLength ? throw Broken() : (ulong)length;
        }

        private ulong ReadVarint()
        {
            var length = (int)VarintLength();
            ulong value = 0;
            for (var index = 0; index < length; index++)
                value |= (ulong)(_rest[index] & 0x7f) << (7 * index);
            _rest = _rest[length..];
            return value;
        }

        private static InvalidDataException Broken() => new("An exchange of gossipsub is expected.");
    }
}
