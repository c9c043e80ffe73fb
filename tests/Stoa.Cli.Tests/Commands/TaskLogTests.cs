using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Stoa.Cli.Tests.Commands;

public sealed class TaskLogTests : FakeNodeCommandsTest
{
    private const string Log = $"GET /api/v1/tasks/{Samples.TaskId}/log";
    private const string Events = Log + "/events";

    [Fact]
    public async Task Log_OfAStranger_CannotSteerTheTerminal()
    {
        Node.On(Log, context =>
        {
            context.Response.Headers["Log-Skipped-Bytes"] = "12000";
            return context.Response.WriteAsync("\u001b]0;owned\a one\r\ntwo\rthree \u009b31m");
        });

        (await Cli.RunAsync($"task logs {Samples.TaskId}")).ShouldBe(ExitCode.Ok, Cli.Error);

        Cli.Output.ShouldBe("\uFFFD]0;owned\uFFFD one\ntwo\nthree \uFFFD31m\n");
        Cli.Error.ShouldContain("12 kB");
    }

    [Fact]
    public async Task Log_Followed_IsPrintedAsItComesWithItsAttemptsAndGaps()
    {
        Node.On(Events, Stream(
            Piece("1-5", 1, 1, 0, 0, "one\r"),
            Piece("1-9", 1, 1, 5, 0, "\ntwo\u001b[2J"),
            Piece("2-2005", 2, 2, 2000, 2000, "again\n"),
            Samples.Event("2-2005", "stoa.task.failed", Samples.TaskData("failed"))));

        (await Cli.RunAsync($"task log {Samples.TaskId} --follow")).ShouldBe(ExitCode.Ok, Cli.Error);

        Cli.Output.ShouldBe("one\ntwo\uFFFD[2J\nagain\n");
        Cli.Error.ShouldContain("attempt 2");
        Cli.Error.ShouldContain("2 kB");
    }

    [Fact]
    public async Task Log_WhoseStreamBreaks_IsTakenUpWhereItBroke()
    {
        Node.On(Events, Stream(Piece("1-4", 1, 1, 0, 0, "one\n")))
            .On(Events, Stream(Piece("1-8", 1, 1, 4, 0, "two\n"), Samples.Event("1-8", "stoa.task.succeeded", Samples.TaskData("succeeded"))));

        (await Cli.RunAsync($"task log {Samples.TaskId} -f")).ShouldBe(ExitCode.Ok, Cli.Error);

        Cli.Output.ShouldBe("one\ntwo\n");
        Node.SeenOf(Events)[1].Headers["Last-Event-ID"].ShouldBe("1-4");
    }

    [Fact]
    public async Task Log_AsJson_IsWhatTheApiGivesAndStillSteersNothing()
    {
        Node.On(Events, Stream(Piece("1-4", 1, 1, 0, 0, "\u001b[2J\u009b"), Samples.Event("1-4", "stoa.task.cancelled", Samples.TaskData("cancelled"))))
            .On(Log, context => context.Response.WriteAsync("\u001b[2J\u009b"));

        (await Cli.RunAsync($"task log {Samples.TaskId} -f --json")).ShouldBe(ExitCode.Ok, Cli.Error);
        JsonDocument.Parse(Cli.Output).RootElement.GetProperty("text").GetString().ShouldBe("\u001b[2J\u009b");
        Cli.Output.Where(char.IsControl).ShouldBe(['\n']);
        (await Cli.RunAsync($"task log {Samples.TaskId} --json")).ShouldBe(ExitCode.Ok, Cli.Error);
        JsonDocument.Parse(Cli.Output).RootElement.GetProperty("log").GetString().ShouldBe("\u001b[2J\u009b");
        Cli.Output.Where(char.IsControl).ShouldAllBe(character => character == '\n');
    }

    private static string Piece(string position, int attempt, long lease, long offset, long skipped, string text) => Samples.Event(
        position,
        "stoa.task.log",
        $$"""{"taskId":"{{Samples.TaskId}}","attempt":{{attempt}},"lease":{{lease}},"offset":{{offset}},"skippedBytes":{{skipped}},"text":{{JsonSerializer.Serialize(text)}}}""");

    private static RequestDelegate Stream(params string[] events) => context =>
    {
        context.Response.ContentType = "text/event-stream";
        return context.Response.WriteAsync(string.Concat(events));
    };
}
