using Microsoft.AspNetCore.Http;

namespace Stoa.Cli.Tests.Commands;

public sealed class EventsTests : IDisposable
{
    private readonly TestCli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("events")]
    [InlineData("events --json")]
    public async Task Events_WhenNobodyReadsThemAnyMore_End(string command)
    {
        await using var node = await SilentAfterOneAsync();
        _cli.IsReaderGone = () => _cli.OutputBytes.Length > 0;

        (await _cli.RunAsync($"{command} --address {node.Address}")).ShouldBe(ExitCode.Ok);

        _cli.Output.Split('\n').Length.ShouldBe(2);
        _cli.Error.ShouldBeEmpty();
    }

    [Fact]
    public async Task Events_IntoABrokenPipe_EndAtTheNextOne()
    {
        await using var node = await SilentAfterOneAsync();
        _cli.BrokenOutput = new FailingStream(FailingStream.BrokenPipe());

        (await _cli.RunAsync($"events --address {node.Address}")).ShouldBe(ExitCode.Ok);

        _cli.Error.ShouldBeEmpty();
    }

    private static async Task<FakeNode> SilentAfterOneAsync() => (await FakeNode.StartAsync()).On("GET /api/v1/events", async context =>
    {
        await context.Response.WriteAsync(Samples.Event("1", "stoa.task.queued", Samples.TaskData("queued")));
        await context.Response.Body.FlushAsync();
        await Task.Delay(Timeout.Infinite, context.RequestAborted);
    });
}
