using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Audit;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Audit;

public sealed class AuditCheckTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);

    [Fact]
    public void Log_AsItWasWritten_Holds()
    {
        var blocks = Blocks(3, 1, 4);

        var check = Check(Export(AuditHead.Empty, blocks), Checkpoint(blocks[1]), Checkpoint(blocks[^1]));

        check.Findings.ShouldBeEmpty();
        (check.EntryCount, check.Start, check.Head).ShouldBe((8, AuditHead.Empty, blocks[^1].Head));
    }

    [Fact]
    public void Log_WithoutItsBeginning_StillHolds()
    {
        var blocks = Blocks(3, 1, 4);

        var check = Check(Export(blocks[0].Head, blocks[1..]), Checkpoint(blocks[0]), Checkpoint(blocks[1]));

        check.Findings.ShouldBeEmpty();
        (check.EntryCount, check.Start).ShouldBe((5, blocks[0].Head));
    }

    [Fact]
    public void Log_WithAnyByteChanged_DoesNotHold()
    {
        var blocks = Blocks(2, 2);
        var whole = Encoding.UTF8.GetBytes(Export(AuditHead.Empty, blocks));
        var survived = new List<int>();
        for (var index = 0; index < whole.Length; index++)
        {
            var changed = (byte[])whole.Clone();
            changed[index] ^= 1;
            if (Check(Encoding.Latin1.GetString(changed), Checkpoint(blocks[^1])).FindingCount == 0)
                survived.Add(index);
        }

        survived.ShouldBeEmpty();
    }

    [Fact]
    public void Log_WithAnyLineMissing_DoesNotHold()
    {
        var blocks = Blocks(2, 1, 2);
        var lines = Export(AuditHead.Empty, blocks).TrimEnd('\n').Split('\n');
        for (var index = 0; index < lines.Length; index++)
        {
            var rest = string.Concat(lines.Where((_, at) => at != index).Select(line => line + "\n"));
            Check(rest, Checkpoint(blocks[^1])).FindingCount.ShouldBeGreaterThan(0, lines[index]);
        }
    }

    [Fact]
    public void LastBlocks_ThatAreMissing_OnlyACheckpointTells()
    {
        var blocks = Blocks(2, 3, 1);
        var cut = Export(AuditHead.Empty, blocks[..2]);

        Check(cut).Findings.ShouldBeEmpty();
        Check(cut, Checkpoint(blocks[^1])).Findings.ShouldHaveSingleItem().Fault.ShouldBe(AuditFault.CheckpointDiffers);
    }

    [Fact]
    public void Log_WrittenAnew_OnlyACheckpointTells()
    {
        var blocks = Blocks(2, 3);
        var forged = Export(AuditHead.Empty, [AuditBlock.Seal(AuditHead.Empty, [Act("nothing")]), .. Blocks(2, 3).Skip(2)]);

        Check(forged).Findings.ShouldBeEmpty();
        Check(forged, Checkpoint(blocks[0])).Findings.ShouldHaveSingleItem().Fault.ShouldBe(AuditFault.CheckpointDiffers);
    }

    [Fact]
    public void Checkpoint_OfWhatWasTakenAway_IsToldToBeTooOld()
    {
        var blocks = Blocks(1, 1, 1);

        Check(Export(blocks[1].Head, blocks[2..]), Checkpoint(blocks[0])).Findings.ShouldHaveSingleItem().Fault.ShouldBe(AuditFault.CheckpointTooOld);
    }

    [Theory]
    [InlineData("", AuditFault.NotAnAuditLog)]
    [InlineData("hello\n", AuditFault.NotAnAuditLog)]
    [InlineData("{\"form\":\"stoa.audit.v2\",\"block\":0,\"lastEntry\":0}\n", AuditFault.NotAnAuditLog)]
    [InlineData("{\"form\":\"stoa.audit.v1\",\"block\":0,\"lastEntry\":0}\nhello\n", AuditFault.LineUnreadable)]
    [InlineData("{\"form\":\"stoa.audit.v1\",\"block\":0,\"lastEntry\":0}\n{\"entry\":1}\n", AuditFault.LineUnreadable)]
    public void File_ThatIsNoLog_IsToldSo(string file, AuditFault fault) => Check(file).Findings[0].Fault.ShouldBe(fault);

    [Fact]
    public void Hash_IsTheOneOfTheDocument()
    {
        var blocks = Blocks(2, 1);
        var (before, block) = (blocks[0], blocks[1]);
        var hashed = new List<byte>(Encoding.ASCII.GetBytes("stoa.audit.v1\n"));
        hashed.AddRange(Convert.FromHexString(before.Hash.Hex));
        Span<byte> numbers = stackalloc byte[20];
        BinaryPrimitives.WriteInt64BigEndian(numbers, 2);
        BinaryPrimitives.WriteInt64BigEndian(numbers[8..], 3);
        BinaryPrimitives.WriteInt32BigEndian(numbers[16..], 1);
        hashed.AddRange(numbers.ToArray());
        hashed.AddRange(block.Lines);

        block.Hash.Hex.ShouldBe(Convert.ToHexStringLower(SHA256.HashData([.. hashed])));
    }

    [Fact]
    public void Entry_ReadFromItsLine_IsTheSame()
    {
        var act = Act("createApiKey") with { Actor = "user_1", Credential = "key stoa_abcdef", Address = "203.0.113.0/24", Subject = "key_1", Trace = "ab" };
        var block = AuditBlock.Seal(AuditHead.Empty, [act]);

        AuditEntry.Read(block.EachLine().Single()).ShouldBe(new AuditEntry(1, act));
    }

    [Theory]
    [InlineData("stoa/markdown-html", "stoa/markdown-html")]
    [InlineData("=HYPERLINK(\"x\")", "?HYPERLINK??x??")]
    [InlineData("a\u001b[31m,b\n", "a??31m?b?")]
    [InlineData("", null)]
    public void Text_FromOutside_IsKeptPlain(string text, string? kept) => AuditAct.Plain(text).ShouldBe(kept);

    [Fact]
    public void Text_FromOutside_IsCutOff() => AuditAct.Plain(new string('a', 5_000))!.Length.ShouldBe(AuditAct.MaxTextLength);

    [Fact]
    public void Checkpoint_ThatWasSigned_IsReadAgain()
    {
        using var node = PrivateKey.Generate();
        var head = Blocks(2, 2)[^1].Head;

        var opened = AuditCheckpoint.Open(AuditCheckpoint.Sign(head, node, s_now), node.PublicKey.PeerId).Value;

        (opened.Head, opened.TakenAt, opened.NodeKey).ShouldBe((head, s_now, node.PublicKey));
        AuditCheckpoint.Open(AuditCheckpoint.Sign(AuditHead.Empty, node, s_now), null).Value.Head.ShouldBe(AuditHead.Empty);
    }

    private static AuditAct Act(string name) => new(s_now, name, 201);

    private static AuditBlock[] Blocks(params int[] counts)
    {
        var head = AuditHead.Empty;
        var blocks = new List<AuditBlock>();
        foreach (var count in counts)
        {
            blocks.Add(AuditBlock.Seal(head, [.. Enumerable.Range(1, count).Select(number => Act($"act{number}") with { Actor = "user_1", Subject = $"task_{number}" })]));
            head = blocks[^1].Head;
        }

        return [.. blocks];
    }

    private static string Export(AuditHead before, IEnumerable<AuditBlock> blocks) =>
        Line(AuditFile.Begin(before)) + string.Concat(blocks.Select(block => Encoding.UTF8.GetString(block.Lines) + Line(AuditFile.Seal(block))));

    private static string Line(byte[] line) => Encoding.UTF8.GetString(line) + "\n";

    private static AuditCheckpoint Checkpoint(AuditBlock block)
    {
        using var node = PrivateKey.Generate();
        return new AuditCheckpoint(block.Head, s_now, node.PublicKey);
    }

    private static AuditCheck Check(string file, params AuditCheckpoint[] checkpoints)
    {
        var check = new AuditCheck(checkpoints);
        var bytes = Encoding.Latin1.GetBytes(file);
        for (var start = 0; start < bytes.Length;)
        {
            var length = bytes.AsSpan(start).IndexOf((byte)'\n') is var end && end < 0 ? bytes.Length - start : end;
            check.Add(bytes.AsMemory(start, length));
            start += length + 1;
        }

        check.Close();
        return check;
    }
}
