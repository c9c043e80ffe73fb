using System.IO.Pipelines;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Stoa.Cli.Connection;
using Stoa.Node.Tests.SingleSignOn;

namespace Stoa.Cli.Tests.Node;

/// <summary>An organisation that sets up its provider, and people who sign in by it, by commands alone.</summary>
[Collection(RealNode.Turns)]
public sealed partial class SingleSignOnCommandsTests(RealNode node) : IAsyncLifetime
{
    private readonly TestCli _boss = new();
    private readonly TestCli _cli = new();
    private readonly string _name = "org-" + Guid.NewGuid().ToString("n")[..8];
    private FakeProvider _provider = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _provider = await FakeProvider.StartAsync();
        (_provider.Subject, _provider.PreferredName, _provider.Email) = (_name, $"{_name}-grace", $"{_name}@example.org");
        var password = Encoding.UTF8.GetBytes("a long enough password\n");
        await RunAsync(_boss, $"register {_name}-boss {_name}-boss@example.org --address {node.Address} --password-stdin", password);
        await RunAsync(_boss, $"login --handle {_name}-boss --address {node.Address} --password-stdin", password);
        await RunAsync(_boss, $"organisation create {_name}");
        await SetAsync(FakeProvider.Secret);
    }

    public ValueTask DisposeAsync()
    {
        _boss.Dispose();
        _cli.Dispose();
        return _provider.DisposeAsync();
    }

    [Fact]
    public async Task Provider_IsSetTestedShownAndRemoved()
    {
        (await RunAsync(_boss, $"organisation provider test {_name}")).ShouldContain("takes the client id and its secret");
        var shown = await RunAsync(_boss, $"organisation provider show {_name}");
        shown.ShouldContain($"{RealNode.PublicUrl}/login/{_name}/callback");
        shown.ShouldNotContain(FakeProvider.Secret);

        await SetAsync("a wrong one");
        (await _boss.RunAsync($"organisation provider test {_name}")).ShouldBe(ExitCode.Refused);
        _boss.Output.ShouldContain("invalid_client");
        (await _boss.RunAsync($"organisation provider set {_name} --issuer {_provider.Issuer} --client-id other --domain example.org --keep-secret")).ShouldBe(ExitCode.Refused);
        _boss.Error.ShouldContain("the client secret");

        (await RunAsync(_boss, $"organisation provider remove {_name}")).ShouldContain("any more");
        (await _cli.RunAsync($"login --address {node.Address} --organisation {_name}")).ShouldNotBe(ExitCode.Ok);
        _cli.Error.ShouldContain("identity provider");
    }

    [Fact]
    public async Task Person_SignsInInABrowser_AndTheCommandIsToldOnItsOwnMachine()
    {
        var exitCode = await LoginAsync(async address =>
        {
            var back = await SignInAsync(address);
            back.Host.ShouldBe("127.0.0.1");
            using var browser = new HttpClient();
            // Any page can send something to the port: it is not taken, and ends nothing.
            (await browser.GetAsync(new Uri(back, "/?code=stolen&state=guessed"), Stop)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
            (await browser.GetAsync(new Uri(back, "/other" + back.Query), Stop)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
            using var page = await browser.GetAsync(back, Stop);
            page.StatusCode.ShouldBe(HttpStatusCode.OK);
            page.Headers.GetValues("Content-Security-Policy").Single().ShouldStartWith("default-src 'none'");
            (await page.Content.ReadAsStringAsync(Stop)).ShouldContain("Go back to the terminal");
        });

        exitCode.ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain($"{_name}-grace");
        ConfigFile.Read(_cli.ConfigDirectory).Session.ShouldNotBeNull();
        (await RunAsync(_cli, "account identity list")).ShouldContain(_provider.Issuer);
        (await RunAsync(_cli, $"organisation show {_name}")).ShouldContain("viewer");
        (await _cli.RunAsync("account password --password-stdin", "a horse with other batteries\n"u8.ToArray())).ShouldNotBe(ExitCode.Ok);
        _cli.Error.ShouldContain("identity provider");
    }

    [Fact]
    public async Task Failure_IsSaidInTheBrowserAndByTheCommand()
    {
        _provider.Email = "grace@evil.example";

        var exitCode = await LoginAsync(async address =>
        {
            using var browser = new HttpClient();
            (await browser.GetStringAsync(await SignInAsync(address), Stop)).ShouldContain("evil.example");
        });

        exitCode.ShouldBe(ExitCode.NotAuthorized);
        _cli.Error.ShouldContain("signOnEmailRefused");
        _cli.Error.ShouldContain("evil.example");
    }

    [Fact]
    public async Task Code_IsCarriedByHand_WhereThereIsNoBrowser()
    {
        var exitCode = await ByHandAsync($"login --address {node.Address} --organisation {_name} --no-browser", _cli);

        exitCode.ShouldBe(ExitCode.Ok);
        ConfigFile.Read(_cli.ConfigDirectory).Session.ShouldNotBeNull();
    }

    [Fact]
    public async Task Owner_OfAnAccount_LinksAndUnlinks()
    {
        (await ByHandAsync($"account identity link {_name} --no-browser", _boss)).ShouldBe(ExitCode.Ok);
        var listed = await RunAsync(_boss, "account identity list --json");
        var id = IdentityId().Match(listed).Value;

        (await RunAsync(_boss, $"account identity unlink {id}")).ShouldContain("no longer");
        (await RunAsync(_boss, "account identity list --json")).ShouldNotContain(id);
    }

    private async Task SetAsync(string secret) => (await RunAsync(
        _boss, $"organisation provider set {_name} --issuer {_provider.Issuer} --client-id {FakeProvider.ClientId} --domain example.org --password-stdin", Encoding.UTF8.GetBytes(secret + "\n")))
        .ShouldContain(_provider.Issuer);

    private async Task<int> LoginAsync(Func<Uri, Task> person)
    {
        var walk = Task.CompletedTask;
        var surroundings = _cli.Surroundings() with { OpenBrowser = address => walk = Task.Run(() => person(address), Stop) };
        var exitCode = await new StoaCommandLine(surroundings).RunAsync(["login", "--address", node.Address.ToString(), "--organisation", _name], Stop);
        await walk;
        return exitCode;
    }

    /// <summary>Runs a command that writes an address and waits for a code on standard input.</summary>
    private async Task<int> ByHandAsync(string commandLine, TestCli cli)
    {
        var input = new Pipe();
        await using var error = new WatchedWriter("http://stoa.test/login/");
        var surroundings = cli.Surroundings() with { Input = input.Reader.AsStream(), Error = error };
        var running = Task.Run(() => new StoaCommandLine(surroundings).RunAsync(commandLine.Split(' '), Stop), Stop);
        var address = new Uri(await error.Seen.WaitAsync(Stop));
        var code = ShownCode().Match((await SignInAsync(address)).OriginalString).Groups[1].Value;
        await input.Writer.WriteAsync(Encoding.ASCII.GetBytes(code + "\n"), Stop);
        return await running;
    }

    /// <summary>What a person and a browser do: the node's public address leads to the node. Answers where the browser is sent, or the page as a fragment.</summary>
    private async Task<Uri> SignInAsync(Uri address)
    {
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
        using var begun = await browser.GetAsync(new Uri(node.Address, address.PathAndQuery), Stop);
        begun.StatusCode.ShouldBe(HttpStatusCode.Redirect, await begun.Content.ReadAsStringAsync(Stop));
        using var answer = new HttpRequestMessage(HttpMethod.Get, new Uri(node.Address, new Uri(_provider.Login(begun.Headers.Location!)).PathAndQuery));
        answer.Headers.Add("Cookie", begun.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
        using var passed = await browser.SendAsync(answer, Stop);
        return passed.Headers.Location ?? new Uri("page:" + await passed.Content.ReadAsStringAsync(Stop));
    }

    private static async Task<string> RunAsync(TestCli cli, string commandLine, byte[]? input = null)
    {
        (await cli.RunAsync(commandLine, input)).ShouldBe(ExitCode.Ok, cli.Error);
        return cli.Output;
    }

    [GeneratedRegex("<pre><code>([a-z2-7-]{39})</code></pre>")]
    private static partial Regex ShownCode();

    [GeneratedRegex("ident_[0-9a-z]{26}")]
    private static partial Regex IdentityId();

    /// <summary>Text of which a line is waited for.</summary>
    private sealed class WatchedWriter(string beginning) : StringWriter
    {
        private readonly TaskCompletionSource<string> _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> Seen => _seen.Task;

        public override void Flush() => Look();

        public override void Write(char value)
        {
            base.Write(value);
            if (value == '\n')
                Look();
        }

        public override void Write(string? value)
        {
            base.Write(value);
            Look();
        }

        // The line is whole once it has its end.
        private void Look()
        {
            var text = ToString();
            var begin = text.IndexOf(beginning, StringComparison.Ordinal);
            if (begin >= 0 && text.IndexOf('\n', begin) is > 0 and var end)
                _seen.TrySetResult(text[begin..end].Trim());
        }
    }
}
