using Stoa.Cli.Connection;

namespace Stoa.Cli.Tests.Commands;

public sealed class ConnectionTests : IDisposable
{
    private readonly TestCli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Nothing_GivesThisMachineWithoutAKey() =>
        Find().ShouldBe(new NodeConnection(new Uri("http://127.0.0.1:8420"), null, null));

    [Theory]
    [InlineData("http://127.0.0.1:8420", "127.0.0.1:8420")]
    [InlineData("https://stoa.example.org/", "https://stoa.example.org")]
    [InlineData("https://stoa.example.org/", "https://stoa.example.org/api/v1")]
    public void Address_MayBeShort(string expected, string given) =>
        NodeConnection.ParseAddress(given).ShouldBe(new Uri(expected));

    [Fact]
    public void Options_ComeBeforeVariables()
    {
        _cli.Variables["STOA_ADDRESS"] = "http://variable:1";
        _cli.Variables["STOA_KEY"] = "variable";

        Find().ShouldBe(new NodeConnection(new Uri("http://variable:1"), "variable", "STOA_KEY"));
        Find("http://option:2", "option").ShouldBe(new NodeConnection(new Uri("http://option:2"), "option", "--key"));
    }

    [Fact]
    public void RememberedKey_IsForItsOwnNodeAlone()
    {
        new ConfigFile("https://mine.example.org", "remembered").Write(_cli.ConfigDirectory);

        Find().Key.ShouldBe("remembered");
        Find("https://other.example.org").Key.ShouldBeNull();
    }

    [Fact]
    public void Organisation_ComesFromTheOptionTheVariableOrWhatIsRememberedWithTheKey()
    {
        new ConfigFile("https://mine.example.org", "remembered", "acme").Write(_cli.ConfigDirectory);
        Find().Organisation.ShouldBe("acme");
        Find("https://other.example.org").Organisation.ShouldBeNull();
        Find(key: "given").Organisation.ShouldBeNull("it is remembered with another key");

        _cli.Variables["STOA_ORGANISATION"] = "of-variable";
        Find().Organisation.ShouldBe("of-variable");
        NodeConnection.Find(_cli.Surroundings(), null, null, "of-option").Organisation.ShouldBe("of-option");
    }

    [Fact]
    public void AdminKey_IsForANodeOnThisMachineAlone()
    {
        _cli.Write("data/admin.key", "stoa_admin\n");

        Find().Key.ShouldBe("stoa_admin");
        Find("https://other.example.org").Key.ShouldBeNull();
    }

    [Fact]
    public void AdminKey_IsInTheDataFolderOfTheVariable()
    {
        _cli.Write("elsewhere/admin.key", "stoa_admin");
        _cli.Variables["STOA_DATA"] = Path.Combine(_cli.Folder, "elsewhere");

        Find().Key.ShouldBe("stoa_admin");
    }

    [Fact]
    public void ConfigFile_IsReadableByItsOwnerAlone()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no Unix file modes");
            return;
        }

        new ConfigFile("https://mine.example.org", "secret").Write(_cli.ConfigDirectory);

        File.GetUnixFileMode(ConfigFile.PathIn(_cli.ConfigDirectory)).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public async Task BrokenConfigFile_IsSaid()
    {
        _cli.Write("config/stoa/config.json", "{");

        (await _cli.RunAsync("wallet")).ShouldBe(ExitCode.Usage);

        _cli.Error.ShouldContain("config.json cannot be read");
    }

    [Fact]
    public async Task Login_WithAKeyThatFits_IsRemembered()
    {
        await using var node = (await FakeNode.StartAsync()).On(
            "GET /api/v1/users/me", 200, """{"id":"user_01h2xcejqtf2nbrexx3vqjhp41","handle":"ada","email":"a@b.c","role":"user","createdAt":"2026-01-01T00:00:00Z"}""");

        (await _cli.RunAsync($"login --address {node.Address} --key stoa_k")).ShouldBe(ExitCode.Ok);

        Find().ShouldBe(new NodeConnection(node.Address, "stoa_k", ConfigFile.PathIn(_cli.ConfigDirectory)));
        _cli.Output.ShouldContain("ada");

        (await _cli.RunAsync("login --forget")).ShouldBe(ExitCode.Ok);
        Find().Key.ShouldBeNull();
    }

    [Fact]
    public async Task Login_WithAKeyThatDoesNotFit_IsNotRemembered()
    {
        await using var node = (await FakeNode.StartAsync()).On("GET /api/v1/users/me", 401, Samples.Problem(401, "unauthenticated"));

        (await _cli.RunAsync($"login --address {node.Address} --key stoa_k")).ShouldBe(ExitCode.NotAuthorized);

        File.Exists(ConfigFile.PathIn(_cli.ConfigDirectory)).ShouldBeFalse();
    }

    private NodeConnection Find(string? address = null, string? key = null) => NodeConnection.Find(_cli.Surroundings(), address, key);
}
