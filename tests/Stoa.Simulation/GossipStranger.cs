using System.Text;
using Stoa.Network.Gossip;
using Stoa.Network.Hosting;
using Stoa.Primitives;

namespace Stoa.Simulation;

/// <summary>Who speaks gossipsub as it likes: its exchanges are bytes made here. What comes is read and dropped.</summary>
internal sealed class GossipStranger
{
    private static readonly CancellationToken s_none = CancellationToken.None;

    private readonly Dictionary<PeerId, PeerStream> _streams = [];

    public GossipStranger(Host host)
    {
        Host = host;
        host.Handle(GossipOptions.Protocol, ReadAsync);
    }

    public Host Host { get; }

    /// <summary>How many exchanges it was sent.</summary>
    public int Heard { get; private set; }

    public static byte[] Subscribe(string topic) => Field(1, [0x08, 0x01, .. Field(2, Encoding.UTF8.GetBytes(topic))]);

    public static byte[] Graft(string topic) => Field(3, Field(3, Field(1, Encoding.UTF8.GetBytes(topic))));

    public static byte[] IHave(string topic, IEnumerable<byte[]> ids) => Field(3, Field(1, [.. Field(1, Encoding.UTF8.GetBytes(topic)), .. ids.SelectMany(id => Field(2, id))]));

    /// <summary>A message with an author, a number and a signature; which need not hold.</summary>
    public static byte[] Message(PrivateKey key, string topic, ulong number, string data, bool isForged)
    {
        byte[] bare =
        [
            .. Field(1, key.PublicKey.PeerId.ToBytes()), .. Field(2, Encoding.UTF8.GetBytes(data)), .. Field(3, [.. BitConverter.GetBytes(number)]), .. Field(4, Encoding.UTF8.GetBytes(topic)),
        ];
        var signature = key.Sign([.. "libp2p-pubsub:"u8, .. isForged ? bare[1..] : bare]);
        return Field(2, [.. bare, .. Field(5, signature), .. Field(6, key.PublicKey.ToProtobuf())]);
    }

    /// <summary>Sends an exchange to a node, on the stream that it has to it.</summary>
    public async Task SendAsync(GossipNode node, params byte[][] parts)
    {
        if (!_streams.TryGetValue(node.Host.Id, out var stream))
            _streams.Add(node.Host.Id, stream = await Host.OpenStreamAsync(node.Host.Id, [GossipOptions.Protocol], s_none));
        await stream.WriteMessageAsync((byte[])[.. parts.SelectMany(part => part)], s_none);
    }

    private static byte[] Field(int number, byte[] content)
    {
        var length = new byte[Varint.LengthOf((ulong)content.Length)];
        Varint.Write((ulong)content.Length, length);
        return [(byte)((number << 3) | 2), .. length, .. content];
    }

    private async Task ReadAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        while (await stream.ReadMessageAsync(1024 * 1024, cancellationToken) is not null)
            Heard++;
    }
}
