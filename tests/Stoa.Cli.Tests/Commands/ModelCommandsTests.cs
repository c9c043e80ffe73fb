namespace Stoa.Cli.Tests.Commands;

/// <summary>What the commands of models send.</summary>
public sealed class ModelCommandsTests() : FakeNodeCommandsTest("stoa_test")
{
    private const string Asked = "POST /v1/chat/completions";

    [Fact]
    public async Task Question_SaysWhatItMayCost_WhereThatIsSaid()
    {
        Node.On(Asked, 200, """{"choices":[{"index":0,"message":{"role":"assistant","content":"Porridge"}}]}""", ("Stoa-Cost", "0.000011000"));

        (await Cli.RunAsync("model ask auto:chat Hello")).ShouldBe(ExitCode.Ok, Cli.Error);
        (await Cli.RunAsync("model ask auto:chat Hello --max-price 0.0001")).ShouldBe(ExitCode.Ok, Cli.Error);

        Node.SeenOf(Asked).Select(seen => seen.Headers.GetValueOrDefault("Stoa-Max-Price")).ShouldBe([null, "0.0001"]);
    }

    [Fact]
    public async Task Price_ThatIsNone_IsRefusedHere()
    {
        (await Cli.RunAsync("model ask auto:chat Hello --max-price cheap")).ShouldNotBe(ExitCode.Ok);

        Node.SeenOf(Asked).ShouldBeEmpty();
    }
}
