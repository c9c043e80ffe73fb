using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa key generate</c>: a key that signs requests, in place of a secret that is sent with each.</summary>
internal sealed class KeyGenerateCommand : StoaCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "What it is for." };
    private readonly Option<string> _output = new("--output", "-o") { Description = "Where to write it; only you can read the file. It must not be there yet.", HelpName = "FILE", Required = true };

    public KeyGenerateCommand(CommandScope scope)
        : base(
            scope,
            "generate",
            "Make a key that signs requests, and register its public half. The secret stays in the file and is never sent.",
            new("A key for a build server, and a request that is signed by it", "stoa key generate build-server -o build.key && stoa status --signing-key build.key"),
            new("Sign all that follows in this shell", "export STOA_SIGNING_KEY=build.key"))
    {
        Add(_name);
        Add(_output);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var path = invocation.Get(_output)!;
        var full = invocation.Surroundings.FullPath(path);
        if (File.Exists(full))
            throw new CommandFailure($"{path} is there already, and may be a key that is in use.", hint: "Name another file: -o FILE");
        ResultOutput.RefuseUnwritable(invocation, path);
        using var pair = PrivateKey.Generate();
        var me = await invocation.Client.GetMeAsync(cancellationToken);
        var registered = await invocation.Client.RegisterSigningKeyAsync(
            RequestSigningKey.Registration(invocation.Get(_name), pair, me.Id), cancellationToken);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var writer = new StreamWriter(full, options))
            await writer.WriteAsync(new RequestSigningKey(registered.Id, pair).ToFileText().AsMemory(), cancellationToken);
        if (invocation.IsJson)
            invocation.Screen.Json(registered, json => json.SigningKeyResponse);
        else
            invocation.Screen.Markup($"{Format.Escaped(registered.Id)} [grey]signs in the name of {Format.Escaped(me.Handle)}: --signing-key {Format.Escaped(path)}[/]");
        return ExitCode.Ok;
    }
}
