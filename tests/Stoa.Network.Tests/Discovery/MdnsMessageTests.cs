using Stoa.Network.Discovery;

namespace Stoa.Network.Tests.Discovery;

public sealed class MdnsMessageTests
{
    [Fact]
    public void Question_IsReadAsItWasAsked()
    {
        MdnsMessage.TryRead(MdnsMessage.Ask("_stoa._udp.local."), out var message).ShouldBeTrue();

        (message.IsAnswer, message.Pointers.Count, message.Texts.Count).ShouldBe((false, 0, 0));
        message.Questions.ShouldBe(["_stoa._udp.local."]);
    }

    [Fact]
    public void Answer_IsReadAsItWasGiven()
    {
        var bytes = MdnsMessage.Answer("_stoa._udp.local.", "abc._stoa._udp.local.", ["dnsaddr=/ip4/192.0.2.1/tcp/1", "x", new string('y', 256)], TimeSpan.FromMinutes(2));

        MdnsMessage.TryRead(bytes, out var message).ShouldBeTrue();

        message.IsAnswer.ShouldBeTrue();
        message.Pointers.ShouldBe([("_stoa._udp.local.", "abc._stoa._udp.local.")]);
        var (name, texts) = message.Texts.ShouldHaveSingleItem();
        name.ShouldBe("abc._stoa._udp.local.");
        // One that does not fit is left out.
        texts.ShouldBe(["dnsaddr=/ip4/192.0.2.1/tcp/1", "x"]);
    }

    [Fact]
    public void Names_ThatPointBackwards_AreRead()
    {
        // _stoa._udp.local at 12, asked for; then an answer whose name is a pointer to it, and whose target ends in one.
        byte[] bytes =
        [
            0, 0, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0,
            5, (byte)'_', (byte)'S', (byte)'t', (byte)'o', (byte)'a', 4, (byte)'_', (byte)'u', (byte)'d', (byte)'p', 5, (byte)'l', (byte)'o', (byte)'c', (byte)'a', (byte)'l', 0,
            0, 12, 0, 1,
            0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 120, 0, 4, 1, (byte)'a', 0xc0, 12,
        ];

        MdnsMessage.TryRead(bytes, out var message).ShouldBeTrue();

        message.Pointers.ShouldBe([("_stoa._udp.local.", "a._stoa._udp.local.")]);
    }

    [Fact]
    public void Pointer_ThatGoesRound_IsRefused()
    {
        byte[] bytes = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 12, 0, 1];

        MdnsMessage.TryRead(bytes, out _).ShouldBeFalse();
    }

    [Fact]
    public void Garbage_IsReadOrRefused_AndNothingElse()
    {
        var random = new Random(11);
        var answer = MdnsMessage.Answer("_stoa._udp.local.", "abc._stoa._udp.local.", ["dnsaddr=/ip4/192.0.2.1/tcp/1"], TimeSpan.FromMinutes(2));
        for (var round = 0; round < 50_000; round++)
        {
            var bytes = (byte[])answer.Clone();
            for (var change = random.Next(1, 8); change > 0; change--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            MdnsMessage.TryRead(bytes.AsSpan(0, random.Next(bytes.Length + 1)), out _);
        }
    }
}
