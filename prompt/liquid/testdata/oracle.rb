# Renders templates with ruby-liquid: a JSON object a line in, one a line out.
#
# Where the strict parser refuses, the lax one is asked too, and where a variable is undefined, the template is rendered
# once more with lax variables: what it prints then is what the language prints.
require 'json'
require 'liquid'

ENV['TZ'] = 'UTC'

# Beside Rails, and in later versions everywhere, each value answers whether it is blank.
class Object; def blank? = false; end
class NilClass; def blank? = true; end
class FalseClass; def blank? = true; end
class String; def blank? = match?(/\A\s*\z/); end
class Array; def blank? = empty?; end
class Hash; def blank? = empty?; end

class Partials
  def initialize(sources) = @sources = sources

  def read_template_file(name) = @sources[name] || raise(Liquid::FileSystemError, "no partial #{name}")
end

def render(source, mode, strict, values, partials)
  template = Liquid::Template.parse(source, error_mode: mode)
  template.resource_limits.render_length_limit = template.resource_limits.assign_score_limit = 1 << 20
  template.resource_limits.render_score_limit = 200_000
  values = Marshal.load(Marshal.dump(values))
  out = template.render(values, strict_variables: strict, strict_filters: true, registers: { file_system: partials })
  [out.dup.force_encoding('UTF-8').scrub, template.errors]
end

def answer(question)
  source, values = question['template'], question['with'] || {}
  partials = Partials.new(question['partials'] || {})
  mode, refused = :strict, nil
  begin
    out, errors = render(source, :strict, true, values, partials)
  rescue Liquid::SyntaxError => e
    mode, refused = :lax, e.message
    out, errors = render(source, :lax, true, values, partials)
  end
  undefined = errors.grep(Liquid::UndefinedVariable).map(&:message)
  out, errors = render(source, mode, false, values, partials) unless undefined.empty?
  { out:, refused:, undefined:, errors: errors.map(&:message) }
rescue Liquid::SyntaxError, StandardError => e
  { failed: "#{e.class}: #{e.message}" }
end

if ARGV == ['version']
  puts Liquid::VERSION
else
  STDIN.each_line { |line| puts JSON.generate(answer(JSON.parse(line))) }
end
