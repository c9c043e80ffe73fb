using System.Buffers.Binary;

namespace Stoa.Simulation;

/// <summary>What a packet does where it arrives.</summary>
internal enum PacketKind
{
    /// <summary>A stream opens.</summary>
    Open,

    /// <summary>Bytes of a stream.</summary>
    Data,

    /// <summary>Bytes were read, and more may be sent.</summary>
    Credit,

    /// <summary>Nothing more will be written to a stream.</summary>
    End,

    /// <summary>A stream is broken off.</summary>
    Reset,

    /// <summary>The connection is closed.</summary>
    Close,
}

/// <summary>Something on its way to one end of a connection.</summary>
internal sealed class Packet(PacketKind kind, SimulatedConnection target, SimulatedStream? stream, byte[] bytes, int amount)
{
    public static SendOrPostCallback Arrive { get; } = static packet => ((Packet)packet!).OnArrived();

    public void Deliver()
    {
        if (target.EndedBecause is not null)
            return;
        Note();
        switch (kind)
        {
            case PacketKind.Open:
                target.OnOpened(stream!);
                break;
            case PacketKind.Data:
                target.Link.Network.Messages++;
                stream!.OnData(bytes);
                break;
            case PacketKind.Credit:
                stream!.OnCredit(amount);
                break;
            case PacketKind.End:
                stream!.OnEnd();
                break;
            case PacketKind.Reset:
                stream!.OnReset("The other side reset the stream.");
                break;
            default:
                target.End("The other side closed it.", isOtherTold: false);
                break;
        }
    }

    private void OnArrived() => target.Link.Arrive(this);

    private void Note()
    {
        var world = target.Link.Network.World;
        world.Note((ulong)target.Link.Number << 24 ^ (ulong)(stream?.Number ?? 0) << 4 ^ (ulong)kind);
        var left = bytes.AsSpan();
        for (; left.Length >= sizeof(ulong); left = left[sizeof(ulong)..])
            world.Note(BinaryPrimitives.ReadUInt64LittleEndian(left));
        foreach (var last in left)
            world.Note(last);
    }
}
