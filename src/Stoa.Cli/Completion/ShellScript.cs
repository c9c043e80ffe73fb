namespace Stoa.Cli.Completion;

/// <summary>The scripts of <c>stoa completion</c>. Each asks stoa itself by its <c>[suggest:POSITION]</c> directive, so that it never grows old.</summary>
internal static class ShellScript
{
    public static readonly string[] Shells = ["bash", "zsh", "fish", "pwsh"];

    public static string For(string shell) => shell switch
    {
        "bash" => Bash,
        "zsh" => Zsh,
        "fish" => Fish,
        "pwsh" => PowerShell,
        _ => throw new ArgumentOutOfRangeException(nameof(shell), shell, "Not one of the shells."),
    };

    private const string Bash =
        """
        # bash completion for stoa: source <(stoa completion bash)
        _stoa_complete() {
            local word="${COMP_WORDS[COMP_CWORD]}" line
            COMPREPLY=()
            while IFS= read -r line; do
                [[ -n "$line" && "$line" == "$word"* ]] && COMPREPLY+=("$line")
            done < <("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2> /dev/null)
            [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
        }
        complete -F _stoa_complete stoa ./stoa

        """;

    private const string Zsh =
        """
        # zsh completion for stoa: source <(stoa completion zsh)
        _stoa_complete() {
            local -a candidates
            candidates=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2> /dev/null)}")
            candidates=("${(@)candidates:#}")
            if (( ${#candidates} )); then
                compadd -a candidates
            else
                _files
            fi
        }
        compdef _stoa_complete stoa ./stoa

        """;

    private const string Fish =
        """
        # fish completion for stoa: stoa completion fish > ~/.config/fish/completions/stoa.fish
        function __stoa_complete
            set -l line (commandline -cp)
            stoa "[suggest:"(string length -- "$line")"]" "$line" 2> /dev/null
        end
        complete -c stoa -a '(__stoa_complete)'

        """;

    private const string PowerShell =
        """
        # PowerShell completion for stoa: stoa completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName stoa -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            stoa "[suggest:$cursorPosition]" "$commandAst" 2> $null |
                Where-Object { $_ -like "$wordToComplete*" } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }

        """;
}
