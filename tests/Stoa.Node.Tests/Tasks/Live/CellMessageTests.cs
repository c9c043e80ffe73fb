using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks.Live;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks.Live;

public sealed class CellMessageTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new SecureRandom());
    private static readonly Id<AgentTask> s_task = s_ids.Next<AgentTask>();
    private static readonly Id<User> s_owner = s_ids.Next<User>();

    public static TheoryData<CellMessage> Messages() =>
    [
        new CellMessage.WatchLog(s_task, 3, 4_096, IsAgain: true),
        new CellMessage.WatchLog(s_task, 0, 0, IsAgain: false),
        new CellMessage.WatchTask(s_task),
        new CellMessage.WatchOwner(s_owner),
        new CellMessage.LogEnd(s_task, 2),
        new CellMessage.Progress(s_owner, s_task, DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000), """{"message":"with blanks, and ü"}"""),
    ];

    [Theory]
    [MemberData(nameof(Messages))]
    public void Line_OfAMessage_IsReadAsThatMessage(CellMessage message) => CellMessage.Parse(message.ToString()).ShouldBe(message);

    [Theory]
    [InlineData(0)]
    [InlineData(CellMessage.MaxLogBytes)]
    public void Line_OfBytes_IsReadAsThoseAndFitsAPayload(int count)
    {
        var bytes = new byte[count];
        new Random(1).NextBytes(bytes);
        var message = new CellMessage.LogBytes(s_task, long.MaxValue, int.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue, bytes);

        var read = CellMessage.Parse(message.ToString()).ShouldBeOfType<CellMessage.LogBytes>();

        read.Bytes.ToArray().ShouldBe(bytes);
        (read with { Bytes = default }).ShouldBe(message with { Bytes = default });
        Encoding.UTF8.GetByteCount(message.ToString()).ShouldBeLessThan(CellMessage.MaxPayloadBytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("log")]
    [InlineData("log task_x 1 2 0")]
    [InlineData("task user_01h2xcejqtf2nbrexx3vqjhp41")]
    [InlineData("bytes task_01h2xcejqtf2nbrexx3vqjhp41 1 1 0 0 0 *")]
    [InlineData("bytes task_01h2xcejqtf2nbrexx3vqjhp41 1 1 -1 0 0 QQ==")]
    [InlineData("bytes task_01h2xcejqtf2nbrexx3vqjhp41 1 99999999999 0 0 0 QQ==")]
    [InlineData("end task_01h2xcejqtf2nbrexx3vqjhp41 1 2")]
    [InlineData("progress user_01h2xcejqtf2nbrexx3vqjhp41 task_01h2xcejqtf2nbrexx3vqjhp41 99999999999999999 {}")]
    public void Line_OfAnythingElse_IsPassedOver(string line) => CellMessage.Parse(line).ShouldBeNull();

    [Fact]
    public void Payloads_HoldAllMessagesInOrderAndNoneIsTooLong()
    {
        var messages = Enumerable.Range(0, 1_000).Select(number => (CellMessage)new CellMessage.LogEnd(s_task, number)).ToList();

        var payloads = CellMessage.Pack("head", messages);

        payloads.ShouldAllBe(payload => Encoding.UTF8.GetByteCount(payload) < 8_000 && payload.StartsWith("head\n"));
        payloads.SelectMany(payload => payload.Split('\n').Skip(1)).Select(CellMessage.Parse).ShouldBe(messages);
        CellMessage.Pack("head", []).ShouldBeEmpty();
    }
}
