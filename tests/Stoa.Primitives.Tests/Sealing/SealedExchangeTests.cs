using System.Security.Cryptography;
using Stoa.Primitives.Sealing;

namespace Stoa.Primitives.Tests.Sealing;

public sealed class SealedExchangeTests
{
    private const int ChunkBytes = 64 << 10;
    private const int TagBytes = 16;
    private const int ReplyHeaderBytes = 40;
    private const string Account = "user_01h2xcejqtf2nbrexx3vqjhp41";

    private static readonly SealingKey s_key = SealingKey.Derive(SHA256.HashData("the node"u8));
    private static readonly SealingKey s_otherKey = SealingKey.Derive(SHA256.HashData("another node"u8));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<int> Sizes => [0, 1, ChunkBytes - 1, ChunkBytes, ChunkBytes + 1, 2 * ChunkBytes, (3 * ChunkBytes) + 7];

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Input_ThatIsSealed_IsOpenedByTheKeyAndByTheSecret(int size)
    {
        var plain = Bytes(size);
        var (input, exchange) = Seal(plain);

        input.Length.ShouldBe((int)SealedExchange.SizeOfInput(size));
        (await OpenAsync(input)).ShouldBe(plain);
        var again = SealedExchange.FromSecret(exchange.ToSecret(), Account);
        (await ReadAsync(again.OpenInput(new MemoryStream(input[SealedHeader.SizeBytes..])))).ShouldBe(plain);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Reply_ThatIsSealedByTheNode_IsOpenedByTheSecret(int size)
    {
        var (input, exchange) = Seal([1, 2, 3]);
        var node = s_key.Open(SealedHeader.Read(input), Account);
        var plain = Bytes(size);

        var reply = Reply(node, plain, node.SaltOf("facts"u8));

        reply.Length.ShouldBe((int)SealedExchange.SizeOfReply(size));
        await using var opened = await SealedExchange.FromSecret(exchange.ToSecret(), Account).OpenReplyAsync(new MemoryStream(reply), Stop);
        (await ReadAsync(opened)).ShouldBe(plain);
    }

    [Fact]
    public void Seals_DoNotDependOnHowTheBytesAreWritten()
    {
        var (_, exchange) = Seal([]);
        var plain = Bytes((2 * ChunkBytes) + 100);
        var salt = exchange.SaltOf("facts"u8);

        Reply(exchange, plain, salt, pieceBytes: 1_000).ShouldBe(Reply(exchange, plain, salt, pieceBytes: 300_000));
    }

    [Fact]
    public void Salts_AreTheSameForTheSameFactsAndExchangeOnly()
    {
        var (input, exchange) = Seal([]);
        var (_, other) = Seal([]);

        var salt = exchange.SaltOf("facts"u8);
        s_key.Open(SealedHeader.Read(input), Account).SaltOf("facts"u8).ShouldBe(salt);
        exchange.SaltOf("other facts"u8).ShouldNotBe(salt);
        other.SaltOf("facts"u8).ShouldNotBe(salt);
        // And what is sealed under other salts is under another key: equal plaintext gives nothing equal.
        var plain = Bytes(64);
        Reply(exchange, plain, salt)[ReplyHeaderBytes..].ShouldNotBe(Reply(exchange, plain, exchange.SaltOf("other facts"u8))[ReplyHeaderBytes..]);
    }

    [Fact]
    public async Task Input_CutOffAnywhere_IsFound()
    {
        var (input, _) = Seal(Bytes((2 * ChunkBytes) + 500));
        var box = ChunkBytes + TagBytes;
        int[] lengths =
        [
            0, 7, 8, SealedHeader.SizeBytes - 1, SealedHeader.SizeBytes, SealedHeader.SizeBytes + 5, SealedHeader.SizeBytes + TagBytes,
            SealedHeader.SizeBytes + box - 1, SealedHeader.SizeBytes + box, SealedHeader.SizeBytes + box + 1, SealedHeader.SizeBytes + (2 * box), input.Length - 1,
        ];
        foreach (var length in lengths)
            await Should.ThrowAsync<SealBrokenException>(() => OpenAsync(input[..length]), $"{length} bytes");
    }

    [Fact]
    public async Task Input_WithBytesBehindIt_IsFound()
    {
        foreach (var size in new[] { 0, 500, ChunkBytes })
            await Should.ThrowAsync<SealBrokenException>(() => OpenAsync([.. Seal(Bytes(size)).Input, 0]), $"{size} bytes");
    }

    [Fact]
    public async Task Chunks_InAnotherOrderTwiceOrLeftOut_AreFound()
    {
        var (input, _) = Seal(Bytes((3 * ChunkBytes) + 500));
        var box = ChunkBytes + TagBytes;
        var head = input[..SealedHeader.SizeBytes];
        var chunks = Enumerable.Range(0, 4).Select(index => input.Skip(SealedHeader.SizeBytes + (index * box)).Take(box).ToArray()).ToList();
        int[][] orders = [[1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 1, 2, 3], [0, 2, 3], [1, 2, 3], [0, 1, 3], [3], [0, 1, 2, 3, 3]];
        foreach (var order in orders)
            await Should.ThrowAsync<SealBrokenException>(() => OpenAsync([.. head, .. order.SelectMany(index => chunks[index])]), string.Join(' ', order));
        (await OpenAsync([.. head, .. chunks.SelectMany(chunk => chunk)])).Length.ShouldBe((3 * ChunkBytes) + 500);
    }

    [Fact]
    public async Task OneBit_AnywhereInASmallInput_IsFound()
    {
        var (input, _) = Seal(Bytes(40));
        for (var bit = 0; bit < 8 * input.Length; bit++)
        {
            var changed = input.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            await Should.ThrowAsync<SealBrokenException>(() => OpenAsync(changed), $"bit {bit}");
        }
    }

    [Fact]
    public async Task OneBit_AnywhereInASmallReply_IsFound()
    {
        var (_, exchange) = Seal([]);
        var reply = Reply(exchange, Bytes(40), exchange.SaltOf("facts"u8));
        for (var bit = 0; bit < 8 * reply.Length; bit++)
        {
            var changed = reply.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            await Should.ThrowAsync<SealBrokenException>(
                async () =>
                {
                    await using var opened = await exchange.OpenReplyAsync(new MemoryStream(changed), Stop);
                    await ReadAsync(opened);
                },
                $"bit {bit}");
        }
    }

    [Fact]
    public async Task Input_SealedToAnotherKeyOrForAnotherAccount_IsNotOpened()
    {
        var (input, exchange) = Seal(Bytes(100));

        Should.Throw<SealBrokenException>(() => s_otherKey.Open(SealedHeader.Read(input), Account));
        // One who names his own key in its place gets another secret.
        var renamed = new SealedHeader(s_otherKey.PublicKey.Id, SealedHeader.Read(input).Encapsulated);
        await Should.ThrowAsync<SealBrokenException>(() => ReadAsync(s_otherKey.Open(renamed, Account).OpenInput(new MemoryStream(input[SealedHeader.SizeBytes..]))));
        await Should.ThrowAsync<SealBrokenException>(() => OpenAsync(input, "user_01h2xcejqtf2nbrexx3vqjhp42"));
        var stranger = SealedExchange.FromSecret(exchange.ToSecret(), "user_01h2xcejqtf2nbrexx3vqjhp42");
        await Should.ThrowAsync<SealBrokenException>(() => ReadAsync(stranger.OpenInput(new MemoryStream(input[SealedHeader.SizeBytes..]))));
    }

    [Fact]
    public async Task Reading_AfterAChunkThatDoesNotVerify_FailsAgain()
    {
        var (input, _) = Seal(Bytes(2 * ChunkBytes));
        input[^1] ^= 1;
        await using var opened = s_key.Open(SealedHeader.Read(input), Account).OpenInput(new MemoryStream(input[SealedHeader.SizeBytes..]));
        var buffer = new byte[ChunkBytes];

        await opened.ReadExactlyAsync(buffer, Stop);
        (await Should.ThrowAsync<SealBrokenException>(() => opened.ReadExactlyAsync(buffer, Stop).AsTask())).Message.ShouldContain("Chunk 2");
        Should.Throw<SealBrokenException>(() => opened.Read(buffer, 0, 1));
    }

    [Fact]
    public void Header_OfAnotherVersion_IsRefusedByItsNumber()
    {
        var (input, _) = Seal([]);
        input[7] = 2;

        Should.Throw<SealBrokenException>(() => SealedHeader.Read(input)).Message.ShouldContain("version 2");
    }

    [Fact]
    public void Key_OfTheSameMaterial_IsTheSame()
    {
        SealingKey.Derive(SHA256.HashData("the node"u8)).PublicKey.ShouldBe(s_key.PublicKey);
        s_otherKey.PublicKey.ShouldNotBe(s_key.PublicKey);
        SealingKeyId.Parse(s_key.PublicKey.Id.ToString()).ShouldBe(s_key.PublicKey.Id);
        Should.Throw<FormatException>(() => SealingKeyId.Parse("8F2B64D07C1E59A3"));
        Should.Throw<FormatException>(() => SealingPublicKey.FromBytes(new byte[65]));
    }

    [Fact]
    public void Record_OfAKey_IsBelievedOfTheNodeThatSignedItAlone()
    {
        using var node = PrivateKey.Generate();
        using var other = PrivateKey.Generate();
        var envelope = SealingKeyRecord.Sign(s_key.PublicKey, node);

        SealingKeyRecord.Open(envelope, []).Key.ShouldBe(s_key.PublicKey);
        SealingKeyRecord.Open(envelope, [other.PublicKey.PeerId, node.PublicKey.PeerId]).NodeKey.ShouldBe(node.PublicKey);
        Should.Throw<FormatException>(() => SealingKeyRecord.Open(envelope, [other.PublicKey.PeerId])).Message.ShouldContain("none of those");
        var changed = SealingKeyRecord.Sign(s_otherKey.PublicKey, node);
        Should.Throw<FormatException>(() => SealingKeyRecord.Open(changed with { Signatures = envelope.Signatures }, [])).Message.ShouldContain("not signed");
        Should.Throw<FormatException>(() => SealingKeyRecord.Open(DsseEnvelope.Sign(SealingKeyRecord.PayloadType, "{}"u8, node), []));
        Should.Throw<FormatException>(() => SealingKeyRecord.Open(DsseEnvelope.Sign("text/plain", envelope.Payload, node), []));
    }

    private static byte[] Bytes(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    private static (byte[] Input, SealedExchange Exchange) Seal(byte[] plain)
    {
        var exchange = SealedExchange.Begin(s_key.PublicKey, Account, out var header);
        using var input = new MemoryStream();
        using var sealing = exchange.SealInput(input, header);
        sealing.Write(plain);
        sealing.Complete();
        return (input.ToArray(), exchange);
    }

    private static byte[] Reply(SealedExchange exchange, byte[] plain, byte[] salt, int pieceBytes = 70_000)
    {
        using var reply = new MemoryStream();
        using var sealing = exchange.SealReply(reply, salt);
        foreach (var piece in plain.Chunk(pieceBytes))
            sealing.Write(piece);
        sealing.Complete();
        return reply.ToArray();
    }

    private static async Task<byte[]> OpenAsync(byte[] input, string account = Account)
    {
        var stream = new MemoryStream(input);
        var header = await SealedHeader.ReadAsync(stream, Stop);
        return await ReadAsync(s_key.Open(header, account).OpenInput(stream));
    }

    private static async Task<byte[]> ReadAsync(OpeningStream stream)
    {
        await using (stream)
        {
            using var all = new MemoryStream();
            await stream.CopyToAsync(all, Stop);
            return all.ToArray();
        }
    }
}
