namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class PaymentsOffTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("wallet top-up 25")]
    [InlineData("payment list")]
    [InlineData("payment show pay_01h2xcejqtf2nbrexx3vqjhp41")]
    [InlineData("payout setup")]
    [InlineData("payout create")]
    public async Task Command_OnANodeWithoutAKey_SaysThatPaymentsAreOffAndWhoCanTurnThemOn(string commandLine)
    {
        (await _cli.RunAsync(commandLine)).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("it has no key of Stripe");
        _cli.Error.ShouldContain("operator");
    }

    [Fact]
    public async Task Status_SaysWhetherPaymentsAreOn()
    {
        (await _cli.RunAsync("status")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldContain("off: this node has no key of Stripe");
    }
}
