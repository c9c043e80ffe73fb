using System.Text.Json;

namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class MailboxCommandsTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Message_IsSentReceivedAndAcknowledged()
    {
        var box = await CreateAsync("one-by-one");
        (await _cli.RunAsync(["mailbox", "send", box, "--value", """{"order":17}""", "--dedupe-key", "k1", "--reply-to", box, "--correlation", "q1"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = _cli.Output.Trim();
        id.ShouldStartWith("msg_");
        (await _cli.RunAsync(["mailbox", "send", box, "--value", """{"order":17}""", "--dedupe-key", "k1", "--reply-to", box, "--correlation", "q1", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("duplicate").GetBoolean().ShouldBeTrue();

        var message = await ReceiveAsync(box, "--wait", "30s", "--visibility", "10min");
        message.GetProperty("id").GetString().ShouldBe(id);
        message.GetProperty("body").GetProperty("order").GetInt32().ShouldBe(17);
        var token = message.GetProperty("token").GetString()!;
        (await _cli.RunAsync(["mailbox", "extend", box, id, token, "--visibility", "20min"])).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["mailbox", "ack", box, id, "0000000000000001"])).ShouldBe(ExitCode.Refused);
        (await _cli.RunAsync(["mailbox", "ack", box, id, token])).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["mailbox", "ack", box, id, token])).ShouldBe(ExitCode.Refused);

        File.WriteAllText(Path.Combine(_cli.Folder, "more.json"), "[1]");
        (await _cli.RunAsync(["mailbox", "send", box, "more.json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["mailbox", "send", box, "--text", "hello"])).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync(["mailbox", "receive", box, "--max", "10", "--ack"])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("[1]");
        _cli.Output.ShouldContain("aGVsbG8=");
        (await _cli.RunAsync($"mailbox show {box} --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("messages").GetInt64().ShouldBe(0);
        (await _cli.RunAsync($"mailbox delete {box}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"mailbox show {box}")).ShouldBe(ExitCode.Refused);
    }

    [Fact]
    public async Task DeadLetter_IsListedAndWaitsAgain()
    {
        var box = await CreateAsync("dead-ends", "--deliveries", "1");
        (await _cli.RunAsync(["mailbox", "send", box, "--text", "poison"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var message = await ReceiveAsync(box);
        var id = message.GetProperty("id").GetString()!;
        (await _cli.RunAsync(["mailbox", "return", box, id, message.GetProperty("token").GetString()!])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("dead letter");

        (await _cli.RunAsync($"mailbox dead {box}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(id);
        (await _cli.RunAsync("mailbox list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(box);
        (await _cli.RunAsync($"mailbox redrive {box} --message {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await ReceiveAsync(box)).GetProperty("id").GetString().ShouldBe(id);
        (await _cli.RunAsync($"mailbox delete {box}")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task WhatIsPublished_ComesToTheMailboxesThatSubscribe()
    {
        var box = await CreateAsync("inbox");
        (await _cli.RunAsync(["topic", "create", "news", "--subscribers", "anyone"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var topic = _cli.Output.Trim();
        (await _cli.RunAsync($"topic subscribe {topic} {box}")).ShouldBe(ExitCode.Ok, _cli.Error);

        (await _cli.RunAsync(["topic", "publish", topic, "--value", "[1]", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("delivered").GetInt32().ShouldBe(1);

        (await ReceiveAsync(box)).GetProperty("topic").GetString().ShouldBe(topic);
        (await _cli.RunAsync("topic list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(topic);
        (await _cli.RunAsync($"topic subscriptions {topic}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(box);
        (await _cli.RunAsync($"topic subscriptions {box} --of-mailbox")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(topic);
        (await _cli.RunAsync($"topic unsubscribe {topic} {box}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"topic delete {topic}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"mailbox delete {box}")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Theory]
    [InlineData("mailbox show jobs")]
    [InlineData("mailbox send ada/jobs")]
    [InlineData("mailbox send ada/jobs file --text both")]
    [InlineData("mailbox ack ada/jobs task_01h2xcejqtf2nbrexx3vqjhp41 0000000000000001")]
    public async Task WhatIsNotWrittenAsItMustBe_IsSaidBeforeAnythingIsAsked(string line)
    {
        (await _cli.RunAsync(line)).ShouldBe(ExitCode.Usage);
    }

    private async Task<string> CreateAsync(string name, params string[] options)
    {
        (await _cli.RunAsync(["mailbox", "create", name, .. options])).ShouldBe(ExitCode.Ok, _cli.Error);
        return _cli.Output.Trim();
    }

    private async Task<JsonElement> ReceiveAsync(string box, params string[] options)
    {
        (await _cli.RunAsync(["mailbox", "receive", box, "--json", .. options])).ShouldBe(ExitCode.Ok, _cli.Error);
        return JsonDocument.Parse(_cli.Output).RootElement.GetProperty("messages")[0].Clone();
    }
}
