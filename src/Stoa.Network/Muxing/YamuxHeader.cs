using System.Buffers.Binary;

namespace Stoa.Network.Muxing;

/// <summary>What a frame is.</summary>
internal enum YamuxFrameType : byte
{
    /// <summary>Bytes of a stream follow; the length says how many.</summary>
    Data = 0,

    /// <summary>The length is what more may be sent.</summary>
    WindowUpdate = 1,

    /// <summary>The length is a value that the answer repeats.</summary>
    Ping = 2,

    /// <summary>The length is a <see cref="YamuxGoAway"/>.</summary>
    GoAway = 3,
}

/// <summary>What else a frame says.</summary>
[Flags]
internal enum YamuxFlags : ushort
{
    None = 0,

    /// <summary>A stream opens; a ping asks.</summary>
    Syn = 1,

    /// <summary>A stream is taken; a ping answers.</summary>
    Ack = 2,

    /// <summary>Nothing more will be sent.</summary>
    Fin = 4,

    /// <summary>The stream is broken off.</summary>
    Rst = 8,
}

/// <summary>Why a side ends the connection.</summary>
internal enum YamuxGoAway : uint
{
    Normal = 0,
    ProtocolError = 1,
    InternalError = 2,
}

/// <summary>The header of a frame.</summary>
internal readonly record struct YamuxHeader(YamuxFrameType Type, YamuxFlags Flags, uint Stream, uint Length)
{
    /// <summary>In bytes.</summary>
    public const int Size = 12;

    /// <summary>Reads the first bytes; false when they are of another version.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out YamuxHeader header)
    {
        header = new YamuxHeader((YamuxFrameType)bytes[1], (YamuxFlags)BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));
        return bytes[0] == 0;
    }

    public void Write(Span<byte> bytes)
    {
        bytes[0] = 0;
        bytes[1] = (byte)Type;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)Flags);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Stream);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Length);
    }
}
