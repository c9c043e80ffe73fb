using Google.Protobuf;
using Stoa.Network.Gossip;
using Stoa.Network.Gossip.Wire;

namespace Stoa.Network.Tests.Gossip;

public sealed class RpcShapeTests
{
    private static readonly GossipOptions s_options = new();
    private static readonly Dictionary<string, Func<byte[]>> s_tooMuch = new()
    {
        // As small as they can be: two bytes each.
        ["subscriptions"] = () => Repeat([0x0a, 0x00], s_options.MaxPartsInRpc + 1),
        ["a million topics"] = () => Repeat([0x0a, 0x00], 1_000_000),
        ["messages"] = () => Repeat([0x12, 0x00], s_options.MaxPartsInRpc + 1),
        ["control messages"] = () => Repeat([0x1a, 0x00], s_options.MaxPartsInRpc + 1),
        ["fields that are unknown"] = () => Repeat([0x7a, 0x00], s_options.MaxPartsInRpc + 1),
        ["grafts"] = () => Control(Repeat([0x1a, 0x00], s_options.MaxPartsInRpc + 1)),
        ["prunes"] = () => Control(Repeat([0x22, 0x00], s_options.MaxPartsInRpc + 1)),
        ["ihaves"] = () => Control(Repeat([0x0a, 0x00], s_options.MaxPartsInRpc + 1)),
        ["grafts of several control messages"] = () => Repeat(Control(Repeat([0x1a, 0x00], 1_000)), 6),
        ["ids"] = () => Control([0x0a, .. WithLength(Repeat([0x12, 0x00], s_options.MaxIdsInRpc + 1))]),
        ["ids of several"] = () => Control(Repeat([0x12, .. WithLength(Repeat([0x0a, 0x00], 100))], (s_options.MaxIdsInRpc / 100) + 1)),
    };

    public static TheoryData<string> TooMuch => [.. s_tooMuch.Keys];

    [Fact]
    public void Exchange_IsReadAsItIs()
    {
        var rpc = new Rpc
        {
            Subscriptions = { new Subscription { Topic = "a", Subscribe = true } },
            Publish = { new Message { Topic = "a", Data = ByteString.CopyFrom(1, 2, 3) } },
            Control = new Control
            {
                Ihave = { new IHave { Topic = "a", MessageIds = { ByteString.CopyFrom(1), ByteString.CopyFrom(2) } } },
                Iwant = { new IWant { MessageIds = { ByteString.CopyFrom(3) } } },
                Graft = { new Graft { Topic = "a" } },
                Prune = { new Prune { Topic = "b", Backoff = 60 } },
            },
        };

        RpcShape.Read(rpc.ToByteArray(), s_options).ShouldBe(rpc);
        RpcShape.Read([], s_options).ShouldBe(new Rpc());
    }

    [Theory, MemberData(nameof(TooMuch))]
    public void Exchange_WithTooMuch_IsRefusedBeforeItIsRead(string what)
    {
        var bytes = s_tooMuch[what]();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Should.Throw<InvalidDataException>(() => RpcShape.Read(bytes, s_options), what);

        // Each of its parts would be an object.
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(200_000);
    }

    [Theory]
    [InlineData("0a")]
    [InlineData("0a0500")]
    [InlineData("0affffffffffffffffff01")]
    [InlineData("808080808080808080808001")]
    [InlineData("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0c")]
    [InlineData("0e")]
    [InlineData("0a021205")]
    [InlineData("1a030a0212")]
    [InlineData("0000")]
    public void Exchange_ThatIsNone_IsRefused(string hex) => Should.Throw<InvalidDataException>(() => RpcShape.Read(Convert.FromHexString(hex), s_options));

    [Fact]
    public void Garbage_IsReadOrRefused()
    {
        var random = new Random(3);
        var refused = 0;
        for (var count = 0; count < 20_000; count++)
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            // Half of them begin as an exchange does.
            if (bytes.Length > 2 && count % 2 == 0)
                (bytes[0], bytes[1]) = ((byte)((random.Next(1, 4) << 3) | 2), (byte)(bytes.Length - 2));
            try
            {
                RpcShape.Read(bytes, s_options);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        refused.ShouldBeInRange(1_000, 19_999);
    }

    private static byte[] Repeat(byte[] piece, int count) => [.. Enumerable.Repeat(piece, count).SelectMany(bytes => bytes)];

    private static byte[] Control(byte[] content) => [0x1a, .. WithLength(content)];

    private static byte[] WithLength(byte[] content)
    {
        var length = new byte[Primitives.Varint.LengthOf((ulong)content.Length)];
        Primitives.Varint.Write((ulong)content.Length, length);
        return [.. length, .. content];
    }
}
