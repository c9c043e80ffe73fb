using System.Globalization;

namespace Stoa.Node.Hosting;

/// <summary>What the node program says when it has started.</summary>
public static class StartMessage
{
    public static void Print(NodeStarted started)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"Stoa listens on {started.Address} after {started.Duration.TotalSeconds:0.00} s and keeps its data in {started.DataFolder}"));
        foreach (var address in started.NetworkAddresses)
            Console.WriteLine($"Other nodes reach it at {address}");
        if (started.AdminKey is null)
            return;
        Console.WriteLine("An administrator was made. The API key is shown this once; the CLI on this machine finds it in the file:");
        Console.WriteLine($"  key   {started.AdminKey}");
        Console.WriteLine($"  file  {started.AdminKeyFile}");
    }
}
