using Stoa.Wasm.Fuzz;
using Stoa.Wasm.Fuzz.Decode;
using Stoa.Wasm.Fuzz.Execute;

if (FuzzCommand.Parse(args, (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000, out string complaint) is not { } command)
{
    Console.Error.WriteLine(complaint.Length > 0 ? $"fuzz: {complaint}" : FuzzCommand.Usage);
    return complaint.Length > 0 ? 2 : 0;
}

var bounds = new FuzzBounds(command.Mode == "all" ? command.Time / 2 : command.Time, command.Executions, command.IsReplay ? 1 : long.MaxValue);
using var lastSeed = new LastSeed(Checkout.Artifacts);
int findings = 0;
if (!command.IsJson)
    Console.Error.WriteLine($"First seed {command.Seed}. Should the process die, {lastSeed.Path} says at which one.");
if (command.Mode is DecodeFuzzer.Mode or "all")
    Tell(new DecodeFuzzer().Run(bounds, command.Seed, lastSeed));
if (command.Mode is ExecuteFuzzer.Mode or "all")
{
    using var fuzzer = new ExecuteFuzzer();
    if (!fuzzer.HasV8)
        Console.Error.WriteLine("fuzz: Node is not installed, so nothing is compared with V8.");
    Tell(fuzzer.Run(bounds, command.Seed, lastSeed));
}

return findings > 0 ? 1 : 0;

void Tell(FuzzReport report)
{
    findings += report.Findings.Count;
    Console.WriteLine(command.IsJson ? report.ToJson().ToJsonString() : report.ToString());
    foreach (var finding in report.Findings)
    {
        finding.Save(Checkout.Artifacts);
        if (!command.IsJson)
            Console.WriteLine($"\n{finding.Command}\n{finding.Description}");
    }
}
